"""What the demo writes before anything starts, judged by those who read it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.config import read_config
from collector.people import hash_password
from collector.storage.paging import is_below
from protocol.site.reading import read_site
from simulator import demo
from simulator.claiming import ClaimedError, alone, console_port, free_port, held
from simulator.collector_toml import Ports, collector_toml
from simulator.demo_folder import DemoFolder
from simulator.demo_people import EVERYBODY
from simulator.guarded import ARMED_IN, LATE_IN, WARNED_FOR, closing
from simulator.site import inventory_toml, sites

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["demo", "分行 演示", 'a "quoted" \\ name'])
def test_the_centre_takes_the_demos_settings(name: str) -> None:
    """collector.toml is accepted whole by the collector, whatever the folder is called."""
    folder = DemoFolder(root=Path("/tmp") / name)
    text = collector_toml(
        folder,
        ports=Ports(console=8080, broker=8883, evidence=8444, phones=8555),
        boxes=["0755-031-a", "0755-032-a"],
        password_hash=hash_password("x"),
        token_hashes=dict.fromkeys((seat.id for seat in EVERYBODY), "0" * 64),
        language="zh",
    )
    config = read_config(text, "collector.toml", folder.root)
    assert config.settings.embedded is not None
    assert config.settings.embedded.boxes == ("0755-031-a", "0755-032-a")
    assert config.brokers == (("127.0.0.1", 8883),)
    assert config.path(config.settings.trust) == folder.trust
    assert str(folder.database) in config.settings.database


def test_the_demos_person_sees_what_the_centre_itself_finds() -> None:
    """Rejected envelopes belong to the centre's own site; a demo without a reader for them would hide an attack."""
    ports = Ports(console=8080, broker=8883, evidence=8444, phones=8555)
    text = collector_toml(
        DemoFolder(root=Path("/tmp/demo")),
        ports=ports,
        boxes=[],
        password_hash="$argon2",
        token_hashes=dict.fromkeys((seat.id for seat in EVERYBODY), "0" * 64),
        language="zh",
    )
    settings = read_config(text, "collector.toml", Path("/tmp/demo")).settings
    assert all(is_below(settings.unit, person.unit) for person in settings.person)


@given(st.integers(0, 3 * 366 * 24 * 3600).map(lambda seconds: NEW_YEAR + timedelta(seconds=seconds)))
def test_a_day_can_close_at_any_time(moment: datetime) -> None:
    """Whenever the demo is started, its site file is sound; late, warned and armed come in one day, in order."""
    hours = closing(moment)
    text = inventory_toml(sites(1)[0], modbus="127.0.0.1:1502", receiver="127.0.0.1:5093", hours=hours)
    site = read_site(text, "demo")
    assert site.opening is not None
    local = moment.astimezone(ZoneInfo(site.timezone))
    times = [time.fromisoformat(str(text)) for text in (site.opening.arm_by, site.opening.auto_arm)]
    assert times == [(local + wait).time() for wait in (LATE_IN, ARMED_IN)]
    assert local.time() < times[0] < times[1]
    assert LATE_IN < ARMED_IN - WARNED_FOR


def test_one_demo_a_folder(tmp_path: Path) -> None:
    """A second demo in the same folder is refused with what to do; after the first ends, it may start."""
    with alone(tmp_path), pytest.raises(ClaimedError, match="--dir"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_a_taken_port_is_refused_only_if_asked_for() -> None:
    """A port that was asked for and is taken is named; without one, a free one is found."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ClaimedError, match=f"{port}.*--port"):
            console_port(port)
        assert console_port(None) not in {0, port}
    assert free_port() != 0


def test_a_held_port_is_nobody_elses() -> None:
    """Between a look at a port and its part's start some seconds pass: nobody takes it; its part listens there."""
    with held(free_port()) as port:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with socket.create_server(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)):
            pass


@pytest.mark.parametrize(
    "words",
    [
        ["--sites", "0"],
        ["--sites", "501"],
        ["--sites", "x"],
        ["--port", "-1"],
        ["--port", "65536"],
        ["--for", "-1"],
        ["--for", "0"],
        ["--for", "nan"],
        ["--for", "inf"],
        ["--for", "x"],
        ["--far"],
    ],
)
def test_wrong_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers out of range and unknown options end with exit code 2 before anything is made."""
    with pytest.raises(SystemExit) as leaving:
        demo.main(words)
    assert leaving.value.code == 2
    assert words[0] in capsys.readouterr().err
