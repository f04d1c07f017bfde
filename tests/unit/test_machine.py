"""What tells one machine from a copy of its disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.machine import NET, machine_id, permanent_address


def card(net: Path, name: str, address: str, *, device: bool = True, assigned: str = "0") -> None:
    """A network card as sysfs shows it."""
    folder = net / name
    folder.mkdir(parents=True)
    (folder / "address").write_text(f"{address}\n")
    (folder / "addr_assign_type").write_text(f"{assigned}\n")
    if device:
        (folder / "device").mkdir()


def named(net: Path, uuid: Path, **permanent: str) -> str:
    """The machine's name, where the drivers know these permanent addresses."""
    return machine_id(net, uuid, lambda name: permanent.get(name, ""))


def test_a_copied_disk_in_another_machine_has_another_name(tmp_path: Path) -> None:
    """The same card gives the same 16 digits, whatever its order or its neighbours that are no hardware."""
    first, again, other = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    card(first, "eth0", "02:00:00:00:00:01")
    card(first, "eth1", "02:00:00:00:00:02")
    card(first, "br0", "02:00:00:00:00:09", device=False)
    card(again, "lan2", "02:00:00:00:00:02")
    card(again, "lan1", "02:00:00:00:00:01")
    card(other, "eth0", "02:00:00:00:00:03")
    nothing = tmp_path / "nothing"
    assert re.fullmatch(r"[0-9a-f]{16}", named(first, nothing))
    assert named(first, nothing) == named(again, nothing)
    assert named(first, nothing) != named(other, nothing)


def test_an_address_that_somebody_set_does_not_count(tmp_path: Path) -> None:
    """A clone that takes over the address of the machine it was copied from keeps its own name."""
    card(tmp_path / "a", "eth0", "02:00:00:00:00:01")
    card(tmp_path / "b", "eth0", "02:00:00:00:00:01", assigned="3")
    nothing = tmp_path / "nothing"
    assert named(tmp_path / "b", nothing) == ""
    assert named(tmp_path / "b", nothing, eth0="020000000007") not in {"", named(tmp_path / "a", nothing)}


def test_without_a_card_the_product_uuid_tells_and_without_both_nothing(tmp_path: Path) -> None:
    """The uuid may be read by root only: it does not change the name of a machine that has a card."""
    uuid = tmp_path / "uuid"
    uuid.write_text("4C4C4544-0042-3510-8053-B7C04F4E3432\n")
    card(tmp_path / "with", "eth0", "02:00:00:00:00:01")
    card(tmp_path / "zero", "eth0", "00:00:00:00:00:00")
    nothing = tmp_path / "nothing"
    assert named(tmp_path / "with", uuid) == named(tmp_path / "with", nothing)
    assert re.fullmatch(r"[0-9a-f]{16}", named(nothing, uuid))
    assert named(tmp_path / "zero", nothing) == ""


def test_the_kernel_answers_for_each_card_of_this_machine() -> None:
    """The question to the driver is well formed: six bytes, or nothing from one that does not know."""
    cards = [each.name for each in NET.iterdir()] if NET.exists() else []
    if not cards:
        pytest.skip("this machine has no network card at all")
    assert all(re.fullmatch(r"([0-9a-f]{12,64})?", permanent_address(name)) for name in cards)
    assert permanent_address("no-such-card") == ""
