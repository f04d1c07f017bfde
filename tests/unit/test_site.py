"""The site file: the published example is sound, and every way to get it wrong is named with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.command import main
from agent.config.watched import never_armed
from agent.config.wiring import wirings
from protocol.settings import SettingsError
from protocol.site.addresses import parse_address
from protocol.site.reading import read_site
from protocol.site.schema import Site
from protocol.texts import texts_for

EXAMPLE = Path(__file__).parents[1] / "data" / "0755-031.toml"
TEXT = EXAMPLE.read_text(encoding="utf-8")


def fault(old: str, new: str, *, text: str = TEXT) -> str:
    """What this change makes wrong."""
    assert old in text, old
    with pytest.raises(SettingsError) as caught:
        read_site(text.replace(old, new, 1), EXAMPLE.name)
    for each in caught.value.faults:
        chinese = each.told(texts_for("zh-CN"))
        assert chinese.startswith(f"{EXAMPLE.name}:{each.line}: {each.path}")
        assert re.search(r"[\u4e00-\u9fff]", chinese), chinese
    return str(caught.value)


def line_of(part: str, text: str = TEXT) -> int:
    """On which line this stands."""
    return text[: text.index(part)].count("\n") + 1


def test_the_published_example_is_sound() -> None:
    """INTERFACES section 2: that file is a test."""
    site = read_site(TEXT, EXAMPLE.name)
    assert site.key_site
    assert [door.id for door in site.door] == ["outer", "inner", "vault"]
    assert site.interlock[0].tolerance.total_seconds() == 0.5
    assert site.beat_every.total_seconds() == 5
    assert site.silent_limit.total_seconds() == 17.5


def test_an_undefined_door_is_named_with_its_line_and_the_likely_one() -> None:
    """The very sentence of INTERFACES section 2, and its Chinese twin."""
    line = line_of('doors = ["outer", "inner"]')
    with pytest.raises(SettingsError) as caught:
        read_site(TEXT.replace('["outer", "inner"]', '["outer", "iner"]'), EXAMPLE.name)
    (only,) = caught.value.faults
    assert only.told(texts_for("zh-CN")) == (
        f"0755-031.toml:{line}: [[interlock]] vestibule：未定义门“iner”；是否应为“inner”？"
    )
    assert fault('["outer", "inner"]', '["outer", "iner"]') == (
        f'0755-031.toml:{line}: [[interlock]] vestibule: door "iner" is not defined; did you mean "inner"?'
    )


@pytest.mark.parametrize(
    ("old", "new", "where", "sentence"),
    [
        (
            'occupied_by = "zone/cash-motion"',
            'occupied_by = "zone/cash"',
            "[[interlock]] vestibule",
            'zone "cash" is not',
        ),
        (
            'occupied_by = "zone/cash-motion"',
            'occupied_by = "door/inner"',
            "[[interlock]] vestibule",
            "must name a zone",
        ),
        (
            'contact = "io1/di/1"',
            'contact = "io2/di/1"',
            "[[door]] inner",
            'io "io2" is not defined; did you mean "io1"?',
        ),
        (
            'contact = "io1/di/1"',
            'contact = "io1/di/0"',
            "[[door]] inner",
            "register io1/di/0 is the contact of [[door]] outer",
        ),
        ('contact = "io1/di/1"', 'contact = "io1/hr/1"', "[[door]] inner", "contact must be in table di, not hr"),
        ('contact = "io1/di/1"', 'contact = "io1/di/70000"', "[[door]] inner", "number above 65535"),
        ('contact = "io1/di/1"', 'contact = "io1/1"', "[[door]] inner", "contact must be device/table/number"),
        ('lock = "io1/do/1"', 'lock = "io1/do/0"', "[[door]] inner", "output io1/do/0 is the lock of [[door]] outer"),
        (
            'lock = "io1/do/1"\nlock_energised = "unlocked"',
            'lock = "io1/do/1"',
            "[[door]] inner",
            "lock needs lock_energised",
        ),
        ('lock = "io1/do/1"\n', "", "[[door]] inner", "lock_energised is said, but no lock"),
        ('id = "vault"', 'id = "inner"', "[[door]] inner", 'id "inner" is taken already'),
        ('id = "nvr1"', 'id = "io1"', "[[recorder]] io1", 'id "io1" is taken already by a [[io]] above'),
        ('id = "p1"', 'id = "p2"', "[[zone]] counter-1", 'panel "p1" is not defined'),
        ('id = "outer"', 'id = "Outer!"', "[[door]] Outer!", "id must be made of"),
        ('weekdays = "08:30-17:00"', 'weekdays = "17:00-08:30"', "[opening]", "the first before the second"),
        ('weekdays = "08:30-17:00"', 'weekdays = "8:30-17"', "[opening]", "hours from opening to closing"),
        ('arm_by = "18:00"', 'arm_by = "25:00"', "[opening]", "arm_by must be a time of day"),
        (
            '"Asia/Shanghai"',
            '"Asia/Shangai"',
            "",
            'time zone "Asia/Shangai" is not known; did you mean "Asia/Shanghai"?',
        ),
        ('"outlet-small"', '"outlet-smal"', "", 'template "outlet-smal" is not defined; did you mean "outlet-small"?'),
        ('"192.0.2.10:502"', '"192.0.2.10:0"', "[[io]] io1", "port outside 1 to 65535"),
        ('"192.0.2.27"', '"192.0.2.23"', "[[camera]] 07", "address is that of [[camera]] 03 already"),
        ('keep = "90d"', 'keep = "29d"', "[[recorder]] nvr1", "keep must be from 30d to 730d"),
        ('tolerance = "0.5s"', 'tolerance = "2m"', "[[interlock]] vestibule", "tolerance must be from 0s to 1m"),
        (
            'tolerance = "0.5s"',
            "tolerance = 0.5",
            "[[interlock]] vestibule",
            "tolerance must be a duration with its unit",
        ),
        ('recorder = "nvr1/7"', 'recorder = "nvr2/7"', "[[camera]] 07", 'recorder "nvr2" is not defined'),
        ('two_people_while = "vault"', 'two_people_while = "valt"', "[[area]] vault-room", 'did you mean "vault"?'),
        ('zones = ["cash-motion", "glass-2"]', 'zones = ["glass-3"]', "[[partition]] cash", 'did you mean "glass-2"?'),
        ("[0.10, 0.20]", "[1.10, 0.20]", "[[area]] vault-room", "polygon[0][0] must be a number from 0 to 1"),
        ('login = { secret = "cameras" }', 'login = "hunter2"', "[[recorder]] nvr1", "login must be a table like"),
    ],
)
def test_each_fault_is_one_sentence_at_its_line(old: str, new: str, where: str, sentence: str) -> None:
    """A wrong site file says what is wrong, where, and where it can what was meant."""
    text = fault(old, new)
    assert [line for line in text.splitlines() if (f": {where}: " in line or not where) and sentence in line]
    assert "hunter2" not in text


def test_a_mended_file_has_no_fault_left_over() -> None:
    """One fault is told as one: nothing else is blamed for it."""
    assert fault('tolerance = "0.5s"', "tolerance = 0.5").count("\n") == 0
    assert fault('closed = 1\nlock = "io1/do/0"', 'lock = "io1/do/0"').count("\n") == 0


def test_a_door_in_two_interlocks_and_two_modules_at_one_address_are_refused() -> None:
    """What two things would steer or judge at once has one owner."""
    second = TEXT + '\n[[interlock]]\nid = "second"\ndoors = ["inner", "vault"]\n'
    assert 'door "inner" belongs to interlock "vestibule" already' in fault('keep = "90d"', 'keep = "91d"', text=second)
    twin = TEXT + '\n[[io]]\nid = "io2"\naddress = "192.0.2.10"\n'
    assert "address and unit is that of [[io]] io1 already" in fault('keep = "90d"', 'keep = "91d"', text=twin)
    neighbour = read_site(twin + "unit_id = 2\n", EXAMPLE.name)  # another unit behind the same gateway
    assert len(neighbour.io) == 2


def test_shapes_and_references_are_told_together() -> None:
    """Every fault of the file at once: an unknown key does not hide an undefined door."""
    with pytest.raises(SettingsError) as caught:
        read_site(TEXT.replace("held_open_after", "held_open_for").replace('"inner"]', '"iner"]'), EXAMPLE.name)
    assert [fault.line for fault in caught.value.faults] == [
        line_of("held_open_after"),
        line_of('doors = ["outer", "inner"]'),
    ]


def test_a_zone_that_nothing_arms_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A zone in no partition raises no alarm, unless it acts always; one that says who is inside needs none."""
    text = TEXT.replace('zones = ["cash-motion", "glass-2"]', 'zones = ["counter-1"]')
    assert never_armed(read_site(TEXT, EXAMPLE.name)) == []
    assert never_armed(read_site(text, EXAMPLE.name)) == [("zone", "glass-2")]
    monkeypatch.setenv("LC_ALL", "C")
    site = tmp_path / "site.toml"
    site.write_text(text)
    assert main(["check", str(site)]) == 0
    line, pulses = [line for line in capsys.readouterr().out.splitlines() if "glass-2" in line]
    assert line == "[[zone]] glass-2: in no partition, so never armed; it is shown, and told when meddled with."
    assert "zone/glass-2" in pulses.partition("no counter or latch register is named for")[2]


def test_wiring_says_what_each_bit_means() -> None:
    """Polarity comes from the file: `closed = 1` makes 0 the alarm, `lock_energised` names the coil's side."""
    site: Site = read_site(TEXT, EXAMPLE.name)
    (wiring,) = wirings(site)
    inputs = {point.point: point for point in wiring.inputs}
    assert str(inputs["door/outer"].register) == "io1/di/0"
    assert inputs["door/outer"].alarm_bit is False
    assert inputs["exit/outer"].alarm_bit is True
    assert set(inputs) == {
        *("door/outer", "door/inner", "door/vault", "exit/outer", "key/inner", "release/vestibule", "zone/glass-2")
    }
    assert [(point.point, str(point.energised)) for point in wiring.outputs] == [
        ("lock/outer", "unlocked"),
        ("lock/inner", "unlocked"),
    ]


def test_the_centre_is_typed_when_it_is_given() -> None:
    """Two brokers, with ports; paths and the box's id."""
    centre = (
        '[centre]\nbox = "0755-031-a"\nbrokers = ["centre-a:8883", "[2001:db8::1]:8883"]\n'
        'ca = "ca.pem"\ncertificate = "box.pem"\nkey = "box.key"\ntrust = "root.pem"\n'
    )
    site = read_site(TEXT + centre, EXAMPLE.name)
    assert site.centre is not None
    assert [parse_address(broker) for broker in site.centre.brokers] == [("centre-a", 8883), ("2001:db8::1", 8883)]
    assert "brokers[0] needs a port" in fault("centre-a:8883", "centre-a", text=TEXT + centre)


@pytest.mark.parametrize("second", ["centre-a:8883", "CENTRE-A:8883"])
def test_one_broker_named_twice_is_no_second_way(second: str) -> None:
    """Two equal addresses would make the loss of one broker look like the loss of both: a fault with its line."""
    centre = (
        f'[centre]\nbox = "0755-031-a"\nbrokers = [\n  "centre-a:8883",\n  "{second}",\n]\n'
        'ca = "ca.pem"\ncertificate = "box.pem"\nkey = "box.key"\ntrust = "root.pem"\n'
    )
    line = line_of(f'  "{second}",\n]', TEXT + centre)
    with pytest.raises(SettingsError) as caught:
        read_site(TEXT + centre, EXAMPLE.name)
    assert str(caught.value) == f"0755-031.toml:{line}: [centre]: brokers[1] is the same broker as brokers[0]"


@pytest.mark.parametrize(
    "text",
    [
        *("", ":502", "a..b:1", "-a:1", "a_b:1", "192.0.2.300:1", "1.2.3:1", "[::1:1", "[1.2.3.4]:1", "::1:1", "a:b"),
        *("a:0", "a:65536", "a b:1", "http://a:1", "a" * 64 + ":1", "a:1\n", "[]:1"),
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_looked_up(text: str) -> None:
    """A slip in an address is a fault of the file, not a device that is offline."""
    with pytest.raises(ValueError, match=r"must be an address|has a port"):
        parse_address(text, 502)


def test_addresses_that_people_write() -> None:
    """Names and addresses, with and without a port."""
    assert parse_address("io1.branch", 502) == ("io1.branch", 502)
    assert parse_address("127.0.0.1:5020", 502) == ("127.0.0.1", 5020)
    assert parse_address("[::1]", 502) == ("::1", 502)
