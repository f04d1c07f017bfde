"""Invariants of the site bundle: what is touched is named, no more and no less, and no changed byte is ever taken."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol.bundle import Bundle, BundleRefusedError, encode_bundle, judge, read_bundle, touches
from protocol.bundle_touches import MOST_STEPS, WORDS
from protocol.certificates import Issuer, Role
from protocol.documents import DocumentError, open_document
from protocol.envelope import EnvelopeType
from protocol.roster import Right
from tests.bundles import BOX, SITE, Bureau, person, roster, settings
from tests.ledgers import NOW

BUREAU = Bureau()
BEFORE = BUREAU.bundle(3)
HELD = encode_bundle(BEFORE)
PAYLOAD = encode_bundle(BUREAU.bundle(4, settings=settings() | {"name": "东区支行"}))
DOCUMENT = BUREAU.document(PAYLOAD)

Settings = dict[str, Any]
Edit = Callable[[Settings], object]
BANDS = {"normal": [1800, 2200], "alarm": [3800, 4200], "short": [0, 0], "open": [8000, 65535]}
EDITS: list[tuple[str | None, Edit]] = [
    (None, lambda site: site.update(name="东区支行")),
    (None, lambda site: site.update(silent_after="60s")),
    (None, lambda site: site.update(opening={"weekdays": "08:30-17:00"})),
    (None, lambda site: site["camera"][0].update(name="大厅")),
    (None, lambda site: site["camera"][0].update(login={"secret": "other-cameras"})),
    (None, lambda site: site["camera"][1].update(shows=["door/outer"])),
    (None, lambda site: site["camera"][0].update(mask=[])),
    (None, lambda site: site["area"][0].update(after_hours=True, partition="cash")),
    (None, lambda site: site["area"][0].update(post_empty_after="30s")),
    (None, lambda site: site["area"][1].update(grace="5s")),
    (None, lambda site: site.update(evidence={"keep": "180d", "disk_gb": 40})),
    (None, lambda site: site["zone"][0].update(name="营业间")),
    (None, lambda site: site["door"][1].update(held_open_after="30s")),
    (None, lambda site: site["door"][1].update(debounce="0.2s")),
    (None, lambda site: site["siren"][0].update(name="大厅")),
    (None, lambda site: site["partition"][0].update(entry_delay="20s")),
    (None, lambda site: site["partition"][0].update(people=2)),
    (None, lambda site: site["centre"].update(brokers=["192.0.2.6:8883"])),
    ("roster", lambda site: site.update(unit="市分行")),
    ("roster", lambda site: site.update(timezone="Asia/Urumqi")),
    ("partitions", lambda site: site["partition"][0].update(kind="general")),
    ("partitions", lambda site: site["partition"].append({"id": "hall", "kind": "general", "zones": ["hall-motion"]})),
    ("partitions", lambda site: site["partition"][0].update(people=3)),
    ("partitions", lambda site: site["partition"][0].update(scheduled=False)),
    ("partitions", lambda site: site["partition"][0].update(confirm_within="1m")),
    ("partitions", lambda site: site["partition"][0].update(exit_delay="61s")),
    ("partitions", lambda site: site["partition"][0].update(entry_delay="31s")),
    ("partitions", lambda site: site["partition"][0].update(follows="p1/area/1")),
    ("zones", lambda site: site["zone"][0].update(active=0)),
    ("zones", lambda site: site["zone"][0].update(type="instant")),
    ("zones", lambda site: site["zone"][0].update(debounce="3s")),
    ("zones", lambda site: site["zone"][0].update(principle="infrared")),
    ("zones", lambda site: site["zone"][0].update(swinger_after=1)),
    ("zones", lambda site: site["zone"][2].update(bands=BANDS | {"normal": [1, 2000]})),
    ("zones", lambda site: site["panel"][0].update(account="9999")),
    ("zones", lambda site: site["panel"][0].update(supervision="1h")),
    ("zones outputs doors ways_in", lambda site: site["io"][0].update(address="192.0.2.21")),
    ("zones outputs doors ways_in", lambda site: site["io"][0].update(unit_id=2)),
    ("zones", lambda site: site["receiver"].update(listen="192.0.2.9:12399")),
    (None, lambda site: site["io"][0].update(name="柜台下")),
    ("outputs doors", lambda site: site["door"][0].update(closed=0)),
    ("outputs doors", lambda site: site["door"][1].update(contact="io1/di/11")),
    ("outputs doors", lambda site: site["interlock"][1].update(doors=["side", "back"])),
    ("doors", lambda site: site["door"][3].update(contact="io1/di/13", closed=0)),
    ("doors", lambda site: site["door"][3].update(mechanical_key="io1/di/14")),
    ("doors", lambda site: site["door"][3].update(request_grace="6s")),
    ("doors", lambda site: site["door"][4].pop("held_open_after")),
    ("doors", lambda site: site["interlock"][0].update(tolerance="1s")),
    ("outputs", lambda site: site["door"][0].update(partition="cash")),
    ("outputs", lambda site: site["door"][0].update(lock_energised="unlocked")),
    ("outputs", lambda site: site["door"][0].update(lock="io1/do/5")),
    ("outputs doors", lambda site: site["door"][0].update(exit_button="io1/di/9")),
    ("outputs", lambda site: site["door"][0].update(release_for="9s")),
    ("outputs doors", lambda site: site["interlock"][0].update(emergency_release="io1/di/10")),
    ("outputs", lambda site: site["siren"][0].update(on=["door.forced", "zone.intrusion"])),
    ("outputs", lambda site: site["siren"][0].update(sound_for="10s")),
    ("outputs", lambda site: site["buzzer"][0].update(output="io1/do/9")),
    ("outputs", lambda site: site["output"][0].update(output="io1/do/10")),
    ("ways_in", lambda site: site["keyswitch"][0].update(input="io1/di/15")),
    ("ways_in", lambda site: site["keyswitch"][0].update(acts="level")),
    ("ways_in", lambda site: site["code"][0].update(person="li-na")),
    ("ways_in", lambda site: site["code"][0].update(hours="00:00-23:59")),
    ("ways_in", lambda site: site.pop("code")),
    ("eyes", lambda site: site["camera"][0].update(address="192.0.2.31")),
    ("eyes", lambda site: site["camera"][0].update(stream="main")),
    ("eyes", lambda site: site["camera"][1].update(watch=["people"])),
    ("eyes", lambda site: site["camera"][0].update(shows=[])),
    ("eyes", lambda site: site["camera"][0].update(events=False)),
    ("eyes", lambda site: site["camera"][0].update(recorder="nvr1/2")),
    ("eyes", lambda site: site["camera"][1].update(mask=[[[0.0, 0.0], [0.5, 0.0], [0.5, 0.5]]])),
    ("eyes", lambda site: site["area"][0].update(polygon=[[0.0, 0.0], [0.1, 0.0], [0.1, 0.1]])),
    ("eyes", lambda site: site["area"][0].update(loitering_after="10m")),
    ("eyes", lambda site: site["area"][0].update(speak="leave")),
    ("eyes", lambda site: site["area"][0].update(crowd_over=9)),
    ("eyes", lambda site: site["area"][1].update(two_people_while="back")),
    ("eyes", lambda site: site["area"][1].update(bay=False)),
    ("eyes", lambda site: site["area"].pop(2)),
    ("eyes", lambda site: site["recorder"][0].update(keep="30d")),
    ("eyes", lambda site: site.update(evidence={"after": "5s"})),
]
WITH_A_HALL = settings()
WITH_A_HALL["zone"].append({"id": "hall-motion", "type": "interior", "input": "io1/di/8"})
WITH_A_HALL["door"] += [
    {"id": "side", "contact": "io1/di/5", "closed": 1, "lock": "io1/do/2", "lock_energised": "locked"},
    {"id": "back", "contact": "io1/di/6", "closed": 1},
    {"id": "yard", "contact": "io1/di/7", "closed": 1, "held_open_after": "30s"},
]
WITH_A_HALL["zone"].append({"id": "cash-door", "type": "instant", "input": "io1/ir/0", "bands": BANDS})
WITH_A_HALL["zone"].append({"id": "counter", "type": "hold-up", "input": "p1/zone/1"})
WITH_A_HALL["panel"] = [{"id": "p1", "protocol": "dc09", "account": "1234", "key": {"secret": "panel-p1"}}]
WITH_A_HALL["receiver"] = {"listen": "192.0.2.9:12345"}
WITH_A_HALL["buzzer"] = [{"id": "desk", "output": "io1/do/3"}]
WITH_A_HALL["output"] = [{"id": "light", "output": "io1/do/4"}]
WITH_A_HALL["keyswitch"] = [{"id": "back", "input": "io1/di/12", "partitions": ["cash"]}]
WITH_A_HALL["code"] = [{"person": "zhang-wei", "secret": {"secret": "code-zhang"}}]
WITH_A_HALL["camera"][0] |= {
    "watch": ["picture", "people"],
    "shows": ["door/outer"],
    "recorder": "nvr1/1",
    "mask": [[[0.0, 0.0], [0.2, 0.0], [0.2, 0.2]]],
}
WITH_A_HALL["camera"].append(
    {"id": "cam2", "address": "192.0.2.32", "login": {"secret": "cameras"}, "watch": ["picture", "people"]}
)
WITH_A_HALL["recorder"] = [{"id": "nvr1", "address": "192.0.2.40", "login": {"secret": "cameras"}}]
WITH_A_HALL["loudspeaker"] = {}
WITH_A_HALL["announcement"] = [{"id": "leave", "text": "请离开大厅。"}]
WITH_A_HALL["opening"] = {"weekdays": "08:00-18:00"}
EVERYWHERE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
WITH_A_HALL["area"] = [
    {"id": "hall", "camera": "cam1", "polygon": EVERYWHERE, "loitering_after": "60s", "crowd_over": 8},
    {"id": "vault", "camera": "cam2", "polygon": EVERYWHERE, "two_people_while": "side", "bay": True},
    {"id": "yard", "camera": "cam2", "polygon": EVERYWHERE, "restricted": True},
]
WITH_A_HALL["interlock"].append({"id": "delivery", "doors": ["side", "yard"]})

CHANGES: list[tuple[str | None, Callable[[Bundle], Bundle]]] = [
    ("roster", lambda bundle: replace(bundle, roster=roster(1, days=31))),
    ("roster", lambda bundle: replace(bundle, roster=roster(2))),
    ("roster", lambda bundle: replace(bundle, roster=roster(1, person("zhang-wei", 100, Right.UNLOCK)))),
    ("pins", lambda bundle: replace(bundle, pins=(*bundle.pins, "0" * 64))),
    (None, lambda bundle: replace(bundle, pins=tuple(reversed(bundle.pins)))),
    (None, lambda bundle: replace(bundle, sealed=bundle.sealed | {"cameras": "x"}, pending=())),
    ("zones", lambda bundle: replace(bundle, sealed=bundle.sealed | {"panel-p1": "y"})),
    ("ways_in", lambda bundle: replace(bundle, sealed=bundle.sealed | {"code-zhang": "y"})),
    (None, lambda bundle: replace(bundle, reason="why", version=3 + MOST_STEPS, at="2026-11-30T00:00:00.000Z")),
    ("version", lambda bundle: replace(bundle, version=3 + MOST_STEPS + 1)),
]


@given(st.sets(st.sampled_from(range(len(EDITS)))), st.sets(st.sampled_from(range(len(CHANGES)))))
def test_touched_is_exactly_what_was_touched(edits: set[int], changes: set[int]) -> None:
    """Whatever is changed together, the words are those of what was changed; names, hours and more eyes have none."""
    before = replace(BEFORE, settings=WITH_A_HALL, sealed={"panel-p1": "x", "code-zhang": "x"})
    words_of = [*(EDITS[at][0] for at in edits), *(CHANGES[at][0] for at in changes)]
    expected = {word for words in words_of for word in (words or "").split()}
    changed = replace(before, settings=settings_of(before))
    for at in sorted(edits):
        EDITS[at][1](changed.settings)
    for at in sorted(changes):
        changed = CHANGES[at][1](changed)
    assert touches(before, changed) == tuple(word for word in WORDS if word in expected)
    assert bool(touches(before, changed)) == bool(expected)


ISSUER = b64encode(BUREAU.authority.issuers[Issuer.PROVISIONING].certificate.public_bytes(Encoding.DER))


@given(st.integers(0, len(DOCUMENT) - 1), st.integers(1, 255))
def test_no_changed_byte_is_ever_taken(at: int, by: int) -> None:
    """A document of which any one byte is another is refused, by its form, its signatures or its rules.

    The issuer's certificate alone lies outside every signature of ours, and X.509 leaves a bit of its frame open (how
    many bits of the signature's last byte are unused): there a change may pass, and then changes nothing.
    """
    changed = DOCUMENT[:at] + bytes([DOCUMENT[at] ^ by]) + DOCUMENT[at + 1 :]
    try:
        opened = open_document(changed, EnvelopeType.SITE, BUREAU.trust, NOW, Role.PROVISIONING)
        accepted = judge(opened, held=HELD, pins=BUREAU.pins, box=BOX, site=SITE)
    except (DocumentError, BundleRefusedError):
        return
    first = DOCUMENT.index(ISSUER)
    second = DOCUMENT.index(ISSUER, first + 1)
    assert any(start <= at < start + len(ISSUER) for start in (first, second)), "a changed document was taken"
    assert (accepted.payload, accepted.signers) == (PAYLOAD, ("bureau-1", "bureau-2"))


def test_the_unchanged_document_is_taken() -> None:
    """So the test above cannot pass for another reason."""
    opened = open_document(DOCUMENT, EnvelopeType.SITE, BUREAU.trust, NOW, Role.PROVISIONING)
    assert judge(opened, held=HELD, pins=BUREAU.pins, box=BOX, site=SITE).bundle.version == 4


@given(st.integers(1, 2**53 - 1), st.integers(1, 2**53 - 1))
def test_no_lower_version_is_ever_taken(held: int, offered: int) -> None:
    """Whatever the two numbers are: only a higher one is new."""
    in_force = encode_bundle(BUREAU.bundle(held))
    opened = BUREAU.opened(BUREAU.bundle(offered, reason="another content"))
    if offered > held:
        assert judge(opened, held=in_force, pins=BUREAU.pins, box=BOX, site=SITE).bundle.version == offered
        return
    with pytest.raises(BundleRefusedError) as caught:
        judge(opened, held=in_force, pins=BUREAU.pins, box=BOX, site=SITE)
    assert caught.value.reason in ("older_version", "same_version_other_content")


def test_a_serial_line_opened_otherwise_is_another_module() -> None:
    """At another speed nothing on it answers any more: no single person makes every zone of it unknown."""
    before = replace(BEFORE, settings=WITH_A_HALL, sealed={"panel-p1": "x", "code-zhang": "x"})
    before = replace(before, settings=settings_of(before))
    before.settings["io"][0] = before.settings["io"][0] | {"address": "/dev/ttyS0"}
    after = replace(before, settings=settings_of(before))
    assert touches(before, after) == ()
    after.settings["io"][0]["baud"] = 19200
    assert touches(before, after) == ("zones", "outputs", "doors", "ways_in")


def settings_of(bundle: Bundle) -> Settings:
    """A copy of a bundle's settings, as it would be read again."""
    return read_bundle(encode_bundle(bundle)).settings
