"""Several collectors on one database, which one is gone, and what `collector audit` says where none runs."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from collector.alarms.words import Move
from collector.command import main
from collector.console.wording import Wording
from collector.fleet.collectors import SHOWN_MS, Seen
from collector.storage import collectors
from collector.storage.records import AlarmState
from collector.storage.store import Store
from collector.times import unix_ms
from protocol.kinds import Lane
from protocol.texts import texts_for
from provisioning.authority import Authority
from tests.escalating import LEADER, EscalatingCentre
from tests.rules_folder import CONFIG

T = 1_800_000_000_000


class Centres:
    """Three collectors on one database, of which the third has no process: its row is written here."""

    def __init__(self, url: str, folder: Path, authority: Authority) -> None:
        self.both = [
            EscalatingCentre(folder=folder, authority=authority, id=name, url=url, _random=count(number * 10**6 + 1))
            for number, name in enumerate(("centre-1", "centre-2"))
        ]
        for each in self.both:
            each.runner.tick(unix_ms(each.now))

    @property
    def first(self) -> EscalatingCentre:
        """Any of them: they see the same."""
        return self.both[0]

    def there(self, name: str, ago_s: float = 0, steady_s: float = 120) -> None:
        """A collector was there without a gap until so long ago."""
        with self.first.store.write() as connection:
            now_ms = collectors.clock_ms(connection, unix_ms(self.first.now))
            for second in range(round(steady_s), round(ago_s) - 1, -5):
                collectors.renew(connection, name, now_ms - second * 1000, fresh=second == round(steady_s))

    def look(self) -> None:
        """Six seconds pass; both look at the same time, and tell at the same time."""
        for each in self.both:
            each.now += timedelta(seconds=6)
            self.there(each.id)
        for act in (lambda each: each.runner.tick(unix_ms(each.now)), lambda each: each.tick()):
            threads = [threading.Thread(target=act, args=(each,)) for each in self.both]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    def told(self) -> list[str]:
        """What was told of collectors, in its order."""
        return [each.kind for each in self.first.events() if each.kind.startswith("collector.")]

    def rewrite(self, name: str, **columns: int) -> None:
        """So many milliseconds are added to columns of a row."""
        with self.first.store.write() as connection:
            for column, by_ms in columns.items():
                connection.exec_driver_sql(
                    f"UPDATE collectors SET {column} = {column} + {by_ms} WHERE id = '{name}'"  # noqa: S608 - ours
                )


@pytest.fixture
def centres(url: str, tmp_path: Path, authority: Authority) -> Iterator[Centres]:
    """Three, all of them there."""
    made = Centres(url, tmp_path, authority)
    made.there("centre-3")
    made.look()
    assert made.told() == []
    yield made
    for each in made.both:
        each.close()


def row_of(store: Store, name: str) -> Seen:
    """What stands of a collector."""
    with store.read() as reading:
        return next(row for row in collectors.everybody(reading.connection) if row.id == name)


def test_a_collector_renews_its_row(store: Store) -> None:
    """It is there since its process began, or since its last gap; ended, until it is there again."""
    with store.write() as connection:
        collectors.renew(connection, "centre-1", T, fresh=True)
        for second in (5, 20, 26):
            collectors.renew(connection, "centre-1", T + second * 1000)
        collectors.renew(connection, "centre-2", T)
    assert row_of(store, "centre-1") == Seen(id="centre-1", steady_ms=T, seen_ms=T + 26_000)
    for at_ms, fresh in ((T + 42_000, False), (T + 43_000, True), (T + 20_000, False)):
        with store.write() as connection:
            collectors.renew(connection, "centre-1", at_ms, fresh=fresh)
        assert row_of(store, "centre-1") == Seen(id="centre-1", steady_ms=at_ms, seen_ms=at_ms)
    collectors.leave(store, "centre-1", T + 25_000)
    left = row_of(store, "centre-1")
    assert left.ended_ms == left.seen_ms
    assert left.ended_ms is not None
    with store.write() as connection:
        collectors.renew(connection, "centre-1", left.ended_ms + 1)
    assert row_of(store, "centre-1") == Seen(id="centre-1", steady_ms=left.ended_ms + 1, seen_ms=left.ended_ms + 1)
    assert row_of(store, "centre-2") == Seen(id="centre-2", steady_ms=T, seen_ms=T)
    with store.read() as reading:
        last_ms = left.ended_ms + 1
        assert len(collectors.seen_lately(reading.connection, max(last_ms, T) + 1000)) >= 1
        assert collectors.seen_lately(reading.connection, max(last_ms, T) + SHOWN_MS) == ()


def test_whose_clock_it_is(store: Store) -> None:
    """A server's own where there is one, so that two machines need not agree; else the process's."""
    with store.read() as reading:
        at_ms = collectors.clock_ms(reading.connection, 5)
    if store.engine.dialect.name == "sqlite":
        assert at_ms == 5
    else:
        assert abs(at_ms - unix_ms(datetime.now(UTC))) < 60_000


def test_of_several_that_see_it_one_tells_that_a_collector_is_gone(centres: Centres) -> None:
    """Once a disappearance, in the ledger of one of them, as an alarm of level 3; its end restores that event, and what
    happens after that is told anew."""
    centres.there("centre-3", ago_s=40)
    for _ in range(3):
        centres.look()
    assert centres.told() == ["collector.silent"]
    (gone,) = centres.first.events("collector.silent")
    assert gone.box in ("centre-1", "centre-2")
    assert gone.source == "collector/centre-3"
    assert {**gone.facts, "silent_s": 40} == {"collector": "centre-3", "reason": "silent", "left": 2, "silent_s": 40}
    (alarm,) = centres.first.alarms(kind="collector.silent")
    assert (alarm.level, alarm.state) == (3, AlarmState.NEW)
    english = Wording(texts=texts_for("en"))
    said = english.headline(gone.kind, gone.source, {**gone.facts, "silent_s": 40})
    assert said == "Collector centre-3 was not seen for 40 s; collectors left: 2"
    assert "resolve this alarm" in english.next_step(gone.kind, gone.site, gone.facts)
    centres.there("centre-3")
    for _ in range(2):
        centres.look()
    assert centres.told() == ["collector.silent", "collector.silent.restored"]
    (back,) = centres.first.events("collector.silent.restored")
    assert english.headline(back.kind, back.source, back.facts) == "Collector centre-3 is there again"
    assert english.source(back.source, back.facts) == "Collector centre-3"
    centres.there("centre-3", ago_s=40)
    centres.look()
    assert centres.told() == ["collector.silent", "collector.silent.restored", "collector.silent"]


def test_one_that_was_taken_out_for_good_is_told_once(centres: Centres) -> None:
    """A person resolves the alarm; hours later nothing was told again, by whomever, however often they begin anew."""
    centres.there("centre-3", ago_s=40)
    centres.look()
    (alarm,) = centres.first.alarms(kind="collector.silent")
    centres.first.act(alarm.id, LEADER, Move.ACKNOWLEDGE)
    centres.first.act(alarm.id, LEADER, Move.RESOLVE, resolution="equipment_fault", text="renamed")
    centres.rewrite("centre-3", seen_ms=-7_200_000, steady_ms=-7_200_000)
    centres.both[1].restart()
    for _ in range(3):
        centres.look()
    assert centres.told() == ["collector.silent"]
    assert [each.state for each in centres.first.alarms(kind="collector.silent")] == [AlarmState.RESOLVED]


def test_a_clock_that_was_set_back_gives_no_negative_seconds(centres: Centres) -> None:
    """One that was killed before the database's clock went back an hour is told, with the least that it was away."""
    centres.rewrite("centre-3", seen_ms=3_600_000)
    centres.look()
    (gone,) = centres.first.events("collector.silent")
    assert gone.facts["silent_s"] == 30


def test_one_that_was_ended_is_told_after_ten_minutes_as_ended(centres: Centres) -> None:
    """An update is no alarm. What is forgotten is, in words that say so, and its start is the end of it."""
    collectors.leave(centres.first.store, "centre-3", unix_ms(centres.first.now))
    centres.rewrite("centre-3", ended_ms=-120_000, seen_ms=-120_000)
    centres.look()
    assert centres.told() == []
    centres.rewrite("centre-3", ended_ms=-490_000, seen_ms=-490_000)
    centres.look()
    (gone,) = centres.first.events("collector.silent")
    english, chinese = (
        Wording(texts=texts_for(language)).headline(gone.kind, gone.source, gone.facts) for language in ("en", "zh-CN")
    )
    assert english == "Collector centre-3 was ended 10 minutes ago and not started again; collectors left: 2"
    assert chinese == "监控中心程序 centre-3 于 10 分钟前被结束，尚未再启动；尚余 2 个"
    centres.there("centre-3")
    centres.look()
    assert centres.told() == ["collector.silent", "collector.silent.restored"]


def test_those_that_begin_together_accuse_nobody(centres: Centres) -> None:
    """After a power cut of an hour: new processes, old rows, and a third that needs longer to start."""
    for each in centres.both:
        each.restart()
    for name in ("centre-1", "centre-2", "centre-3"):
        centres.rewrite(name, seen_ms=-3_600_000, steady_ms=-3_600_000)
    for each in centres.both:
        each.now += timedelta(seconds=6)
        each.runner.tick(unix_ms(each.now))
        each.tick()
    assert centres.told() == []
    centres.look()
    assert centres.told() == ["collector.silent"], "a minute later it is still missing"


def test_the_audit_where_no_collector_runs(
    url: str, tmp_path: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without open alarms it is worth a look; with one its next step will not happen: no, and why. Where one runs, yes;
    where it was ended, or was killed half a minute ago, no again."""
    (tmp_path / "collector.toml").write_text(CONFIG + f'database = "{url}"\n')
    now = datetime.now(UTC) + timedelta(
        seconds=20
    )  # the alarm stays young enough for nobody to be missed, however slow

    def audit(*more: str) -> int:
        return main(["audit", "--config", str(tmp_path / "collector.toml"), *more])

    with closing(EscalatingCentre(folder=tmp_path, authority=authority, url=url, now=now)) as centre:
        box = centre.box()
        centre.take(box.birth(), box.events(box.opened(Lane.URGENT)))
        assert audit() == 0
        assert "worth a look: no collector runs on this database" in capsys.readouterr().out
        centre.alarm(box)
        assert audit() == 1
        shown = capsys.readouterr()
        (number,) = re.findall(
            r"no collector runs on this database: 1, such as (\d+); start one, or see its log", shown.err
        )
        assert "it holds" not in shown.out
        assert audit("--json") == 1
        told = json.loads(capsys.readouterr().out)
        assert (told["running"], told["holds"]) == (False, False)
        assert [(each["what"], each["examples"]) for each in told["findings"]] == [("unattended", [number])]
        centre.runner.tick(unix_ms(now))
        assert audit() == 0
        assert "it holds: 1 open alarms" in capsys.readouterr().out
        collectors.leave(centre.store, "centre-1", unix_ms(now))
        assert audit() == 1
        centre.restart()
        centre.runner.tick(unix_ms(now))
        with centre.store.write() as connection:
            connection.exec_driver_sql("UPDATE collectors SET seen_ms = seen_ms - 90000")
        assert audit() == 1
