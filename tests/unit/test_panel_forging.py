"""Whoever sits between a panel and the box has its frames, and no key: DC-09 enciphers and signs nothing."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from msgspec.structs import replace

from agent.drivers.dc09.desk import Due
from protocol.dc09.body import Body, encode_body
from protocol.dc09.cipher import decrypt
from protocol.dc09.frames import Frame, decode_frame, encode_frame
from tests.clock import Clock
from tests.unit.test_panels import KEY, Branch, answer

LONG_AGO = timedelta(minutes=11)
BLOCK = 32
"""Hexadecimal digits of one."""


@pytest.fixture
def branch(clock: Clock) -> Branch:
    """A panel with a key that was heard of, and said something."""
    found = Branch(clock)
    found.keyed(b"", id_="NULL")
    found.keyed(b"NRP", 1)
    return found


def numbered(frame: bytes, number: int) -> bytes:
    """The same frame under another number: it is not enciphered."""
    return encode_frame(replace(decode_frame(frame), sequence=number))


def flipped(frame: bytes, was: bytes, now: bytes) -> bytes:
    """The frame with `was` made `now`; the block in front becomes what chance makes of it."""
    whole = decode_frame(frame)
    body = bytearray.fromhex(whole.body.decode())
    clear = decrypt(whole.body, KEY)  # he has no key: he knows what panels say
    at = len(body) - len(clear) + clear.index(was)
    for offset, (old, new) in enumerate(zip(was, now, strict=True)):
        body[at + offset - 16] ^= old ^ new
    return encode_frame(replace(whole, body=body.hex().upper().encode()))


def spliced(old: bytes, fresh: bytes) -> bytes:
    """What an old frame says, with the time of a fresh one that he kept from the box."""
    said, time = (decode_frame(each).body for each in (old, fresh))
    body = said[: -2 * BLOCK] + time[-3 * BLOCK :]
    return encode_frame(Frame(id="SIA-DCS", encrypted=True, sequence=99, account="0A2F", body=body))


def reasons(due: Due) -> set[str]:
    """Why it is told."""
    return {each.facts["reason"] for each in due.findings if "reason" in each.facts}


def test_an_old_frame_under_its_number_makes_no_opening_new(branch: Branch) -> None:
    """He kept a frame of yesterday: sent under the opening's number it does not have the opening forgotten."""
    old = branch.enciphered(b"NRP", 2)
    branch.clock.advance(LONG_AGO)
    opening = branch.enciphered(b"Nri1/OP2", 8)
    assert branch.take(opening).commands
    branch.take(numbered(old, 8))
    assert branch.take(opening).commands == ()


def test_many_old_frames_make_no_opening_new(branch: Branch) -> None:
    """However many of them: what was in time stays known the longest."""
    old = [branch.enciphered(b"NRP", number) for number in range(200)]
    branch.clock.advance(LONG_AGO)
    opening = branch.enciphered(b"Nri1/OP2", 500)
    assert branch.take(opening).commands
    for number, frame in enumerate(old):
        branch.take(numbered(frame, 600 + number))
    again = branch.take(opening)
    assert (answer(again), again.commands) == ("ACK", ())


def test_an_old_opening_with_a_fresh_time_is_not_obeyed(branch: Branch) -> None:
    """Where the two are joined a block of chance stands in the text; nobody's opening holds that."""
    for number in range(20):
        old = branch.enciphered(b"Nri1/OP2^opened by the manager^", number)
        branch.clock.advance(LONG_AGO)
        joined = branch.take(spliced(old, branch.enciphered(b"", 7, id_="NULL")))
        assert joined.commands == ()
        assert reasons(joined) <= {"not_legible", "wrong_key"}


def test_an_alarm_on_its_way_is_made_no_opening_and_no_test(branch: Branch) -> None:
    """Its padding becomes chance, and this panel pads with text: not obeyed, not acknowledged, and told once."""
    for alarm, other in ((b"BA12", b"OP12"), (b"BA12", b"RP12")):
        for number in range(20):
            due = branch.take(flipped(branch.enciphered(b"Nri1/" + alarm, number), alarm, other))
            assert (answer(due), due.commands) == ("DUH", ())
    told = [each.kind for each in branch.take(flipped(branch.enciphered(b"NBA12", 9), b"BA", b"OP")).findings]
    assert told in ([], ["envelope.rejected"]), "its login is refused already; once in some hundred it cannot be read"
    assert branch.keyed(b"Nri1/OP2", 77).commands


def test_a_panel_that_pads_with_chance_is_heard(clock: Clock) -> None:
    """Some do: their frames are believed as before, for nothing tells what was changed."""
    found = Branch(clock)

    def padded(said: bytes, number: int) -> bytes:
        clear = b"|" + encode_body(Body(data=said, sent=clock.now()))
        chance = bytes(0xFF if each in b"|[]" else each for each in os.urandom(16 + -len(clear) % 16))
        encryptor = Cipher(AES(KEY), CBC(bytes(16))).encryptor()
        body = (encryptor.update(chance + clear) + encryptor.finalize()).hex().upper().encode()
        return encode_frame(Frame(id="SIA-DCS", encrypted=True, sequence=number, account="0A2F", body=body))

    assert found.take(padded(b"Nri1/CL2", 1)).commands
    assert found.take(padded(b"Nri1/OP2", 2)).commands
