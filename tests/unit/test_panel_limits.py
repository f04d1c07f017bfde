"""How much one sender may ask of the receiver."""

from __future__ import annotations

from agent.drivers.dc09.limits import (
    FRAMES_AT_ONCE,
    FRAMES_PER_S,
    MAX_CONNECTIONS_EACH,
    MAX_SENDERS,
    Senders,
)


def test_a_flood_is_not_heard_until_it_slows_down_and_hurts_nobody_else() -> None:
    """A panel's whole memory passes at once; a stranger's endless frames do not, and other addresses are heard."""
    senders = Senders()
    heard = sum(senders.may_send("192.0.2.1", 0) for _ in range(2 * FRAMES_AT_ONCE))
    assert heard == FRAMES_AT_ONCE
    assert senders.may_send("192.0.2.2", 0)
    assert sum(senders.may_send("192.0.2.1", 1_000) for _ in range(FRAMES_AT_ONCE)) == FRAMES_PER_S


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    """Whatever time says, no more than the burst is allowed."""
    senders = Senders()
    assert all(senders.may_send("192.0.2.1", 10_000 - at) for at in range(FRAMES_AT_ONCE))
    assert not senders.may_send("192.0.2.1", 0)


def test_addresses_that_were_made_up_fill_no_memory() -> None:
    """Datagrams may bear any sender: the oldest are forgotten."""
    senders = Senders()
    for number in range(3 * MAX_SENDERS):
        assert senders.may_send(f"192.0.2.{number}", 0)
    assert len(senders._allowed) == MAX_SENDERS


def test_connections_of_one_address_are_counted_and_given_back() -> None:
    """So many at once; one that ends makes room."""
    senders = Senders()
    assert all(senders.connect("192.0.2.1") for _ in range(MAX_CONNECTIONS_EACH))
    assert not senders.connect("192.0.2.1")
    assert senders.connect("192.0.2.2")
    senders.disconnect("192.0.2.1")
    assert senders.connect("192.0.2.1")
