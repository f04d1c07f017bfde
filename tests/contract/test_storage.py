"""The storage's contract: what every database under it must keep. One suite, each database by one more address."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url

from collector.fleet.configs import MAX_REASON, BoxConfig
from collector.storage.bundles import (
    StoredBundle,
    boxes_with_bundles,
    bundle_of,
    configs_of,
    keep_bundle,
    known_bundles,
    save_configs,
)
from collector.storage.faults import name_of, out_of_reach
from collector.storage.history import differences, upgrade
from collector.storage.migrating import MIGRATIONS, migrate
from collector.storage.record_positions import position_of, save_position
from collector.storage.records import Filter, Sight
from collector.storage.sessions import close_session, open_session, touch_session
from collector.storage.store import NotStorableError, Store, StoreError, sqlite_url
from collector.storage.writing import (
    beat_runs_of,
    box_states,
    lock_counters,
    save_counter,
    save_site,
    standings,
)
from protocol.kinds import Lane
from protocol.ledger import Position
from provisioning.authority import Authority
from tests.collecting import Box, PaperCentre


@pytest.fixture
def centre(url: str, tmp_path: Path, authority: Authority) -> Iterator[PaperCentre]:
    """The whole ingest on this database."""
    made = PaperCentre(folder=tmp_path, authority=authority, url=url)
    yield made
    made.close()


def test_migrating_twice_changes_nothing(store: Store) -> None:
    """One history: the second time there is nothing left to do, and Alembic would do nothing either."""
    before, after = migrate(store)
    assert before == after
    assert upgrade(store) == (before, after)


def test_a_start_that_finds_the_newest_schema_loads_no_alembic(url: str, store: Store) -> None:
    """Nearly every start is one: it need not wait for what it does not use."""
    words = (
        "import sys; from collector.storage.store import Store; from collector.storage.migrating import migrate\n"
        f"store = Store({url!r}); assert migrate(store)[0]; store.close(); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", words], check=True)


def test_the_migrated_schema_is_the_program_s(store: Store) -> None:
    """The history ends exactly where schema.py stands."""
    assert differences(store) == []


def test_a_transaction_is_whole_or_nothing(store: Store) -> None:
    """What fails leaves nothing of itself."""

    def fail() -> None:
        with store.write() as connection:
            save_site(connection, "a", "A", "", "UTC")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as reading:
        assert reading.sites(Sight()) == ()


def test_a_reader_sees_one_moment(store: Store) -> None:
    """What is written while somebody asks belongs to the next question: a list and its count never differ."""
    with store.read() as reading:
        before = reading.sites(Sight())
        with store.write() as connection:
            save_site(connection, "a", "A", "", "UTC")
        assert reading.sites(Sight()) == before
    with store.read() as reading:
        assert [site.id for site in reading.sites(Sight())] == ["a"]


def test_writers_take_turns(url: str) -> None:
    """Looking first and writing then is safe behind the counters' lock: no number is given out twice."""
    stores = [Store(url), Store(url)]
    migrate(stores[0])
    seen: list[int] = []

    def count_up(store: Store) -> None:
        for _ in range(25):
            with store.write() as connection:
                number = lock_counters(connection) + 1
                save_counter(connection, number)
                seen.append(number)

    threads = [threading.Thread(target=count_up, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert sorted(seen) == list(range(1, 51))


def test_a_sign_that_no_text_needs_refuses_nothing(store: Store) -> None:
    """U+0000 in a name, which only one of the databases would keep: the row is taken, the name can be read."""
    with store.write() as connection:
        save_site(connection, "a", "A\0B", "", "UTC")
        save_site(connection, "a", "A\0C", "", "UTC")
    with store.read() as reading:
        (site,) = reading.sites(Sight())
    assert (site.name[0], site.name[-1]) == ("A", "C")


def test_many_boxes_are_asked_for_at_once(store: Store) -> None:
    """Twenty thousand ids in one question: no database meets more parameters than it takes."""
    wanted = [f"0755-{number:05}-a" for number in range(20_000)]
    with store.write() as connection:
        assert standings(connection, wanted) == {}
        assert box_states(connection, wanted) == {}
    with store.read() as reading:
        assert reading.chains(wanted) == {}


def test_what_a_database_will_not_take_is_said_as_such(store: Store) -> None:
    """A wrong row is no outage: trying again would not help."""
    with pytest.raises(NotStorableError), store.write() as connection:
        save_site(connection, "a", None, "", "UTC")  # type: ignore[arg-type]


def test_a_database_out_of_reach_is_said_as_such(tmp_path: Path) -> None:
    """An address that leads nowhere is a StoreError, and names no password."""
    store = Store(sqlite_url(tmp_path / "missing" / "x.db"))
    with pytest.raises(StoreError) as told:
        migrate(store)
    store.close()
    assert str(tmp_path / "missing" / "x.db") in str(told.value)
    assert "SQLITE_CANTOPEN): make its folder" in str(told.value)


def test_a_server_out_of_reach_is_named_without_its_password() -> None:
    """Host and database, the next step, and nothing that opens it."""
    name = name_of(make_url("postgresql+psycopg://bw:secret@db.bank:5432/bw"))
    told = str(out_of_reach(name, ConnectionError("secret")))
    assert "db.bank:5432/bw" in told
    assert "look at `database` in collector.toml" in told
    assert "secret" not in told


def test_what_is_committed_survives_a_power_cut(store: Store) -> None:
    """FIELD-FAULTS A: SQLite forgets no commit only with `synchronous=FULL` (2); others have no such choice."""
    if store.engine.dialect.name == "sqlite":
        with store.write() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_a_damaged_database_is_out_of_reach_and_no_fault_of_a_row(tmp_path: Path) -> None:
    """Whatever is read or written meets it: nothing is given up as a poisoned row, and the sentence has its word."""
    (tmp_path / "x.db").write_bytes(b"no database" * 1000)
    store = Store(sqlite_url(tmp_path / "x.db"))
    with pytest.raises(
        StoreError, match=r"x\.db cannot be used now \(SQLITE_NOTADB\): it is damaged .* restore a copy"
    ):
        migrate(store)
    with pytest.raises(StoreError, match="SQLITE_NOTADB"), store.read() as reading:
        reading.journal_head()
    store.close()


def test_a_file_of_an_older_version_names_the_word_that_brings_it_here(tmp_path: Path) -> None:
    """`collector audit` before a new version was started finds tables missing; nothing is wrong with the place."""
    store = Store(sqlite_url(tmp_path / "x.db"))
    with store.write() as connection:
        connection.exec_driver_sql("CREATE TABLE older (id INTEGER)")
    with pytest.raises(StoreError, match="branchwatch collector migrate"), store.read() as reading:
        reading.journal_head()
    store.close()


def test_writers_take_turns_on_the_counters(store: Store) -> None:
    """Numbers are given out under lock, so the second transaction goes on where the first ended."""
    for expected in (0, 5):
        with store.write() as connection:
            assert lock_counters(connection) == expected
            save_counter(connection, expected + 5)


def test_pages_hold_every_event_once(centre: PaperCentre) -> None:
    """Newest first, a cursor that neither skips nor repeats, at most 500 rows a page."""
    box = ready(centre)
    centre.take(*(box.events(*(box.line("door.forced") for _ in range(100))) for _ in range(7)))
    seen: list[int] = []
    cursor, pages = None, 0
    with centre.store.read() as reading:
        while True:
            page = reading.events(Filter(limit=9999, cursor=cursor))
            seen += [event.number for event in page.items]
            pages += 1
            cursor = page.next
            if cursor is None:
                break
    assert pages == 2
    assert len(seen) == 702
    assert seen == sorted(set(seen), reverse=True)


def test_filters_narrow_and_units_hide(centre: PaperCentre) -> None:
    """WIRE 5: site, kind, level, since, until; and nothing of a sibling's, even when asked for by name."""
    west = ready(centre)
    east = ready(centre, "0756-001-a", "0756-001", unit="市分行/东区支行")
    centre.take(west.events(west.line("door.dual_open")), east.events(east.line("zone.fire")))
    with centre.store.read() as reading:
        assert {event.kind for event in reading.events(Filter(level=1)).items} == {"zone.fire"}
        assert {event.kind for event in reading.events(Filter(kind="door.dual_open")).items} == {"door.dual_open"}
        assert {event.site for event in reading.events(Filter(sight=Sight(unit=west.unit))).items} == {west.site}
        assert not reading.events(Filter(sight=Sight(unit=west.unit), site=east.site)).items
        newest = reading.events(Filter()).items[0]
        assert reading.events(Filter(since_ms=newest.at_ms)).items
        assert not reading.events(Filter(since_ms=newest.at_ms + 1)).items
        assert newest not in reading.events(Filter(until_ms=newest.at_ms)).items
        assert [site.id for site in reading.sites(Sight(unit="市分行"))] == [east.site, west.site]
        assert [box.id for box in reading.boxes(west.unit)] == [west.id]
        assert not reading.boxes(west.unit, box=east.id)


def test_a_unit_is_a_name_and_no_pattern(centre: PaperCentre) -> None:
    """Signs that mean something to a database mean nothing in a unit's name."""
    box = ready(centre, unit="a%b")
    with centre.store.read() as reading:
        assert not reading.boxes("%")
        assert not reading.boxes("a_b")
        assert [row.id for row in reading.boxes("a%b")] == [box.id]


def test_a_unit_is_not_another_of_the_same_letters(centre: PaperCentre) -> None:
    """Small and capital letters name different units: in the lists as in what people may do."""
    box = ready(centre, unit="East/One")
    with centre.store.read() as reading:
        assert not reading.boxes("east")
        assert [row.id for row in reading.boxes("East")] == [box.id]


def test_the_exact_bytes_come_back(centre: PaperCentre) -> None:
    """An event is read from the envelope it came in: facts, reasons and hash are those that were sealed."""
    box = ready(centre)
    centre.take(box.events(box.line("door.forced", door="outer"), box.line("door.forced", door="门", n=1.5)))
    assert [event.facts for event in centre.events("door.forced")] == [{"door": "outer"}, {"door": "门", "n": 1.5}]
    assert centre.events("door.forced")[-1].hash == box.tips[Lane.URGENT].hash


def test_the_journal_replays_from_any_number(centre: PaperCentre) -> None:
    """WIRE 5, Last-Event-ID: what comes after a number, in order, and only what a unit may see."""
    box = ready(centre)
    with centre.store.read() as reading:
        head = reading.journal_head()
    centre.take(box.events(box.line("door.dual_open")))
    with centre.store.read() as reading:
        rows = reading.journal_after(head, unit=box.unit)
        assert [(row.number, row.action) for row in rows] == [
            (head + 1, "opened"),
            (head + 2, "told"),
            (head + 3, "committed"),
        ]
        assert [row.topic for row in reading.journal_after(head, unit="elsewhere")] == ["event"]
        first, last = rows[2].subject.split("-")
        assert [event.kind for event in reading.events_between(int(first), int(last), sight=Sight(unit=box.unit))] == [
            "door.dual_open"
        ]
        assert not reading.events_between(int(first), int(last), sight=Sight(unit="elsewhere"))


def test_bundles_come_back_byte_for_byte(store: Store) -> None:
    """A document is kept as it was delivered; signed anew, it takes the place of the one before; others stay."""
    first = StoredBundle(
        box="0755-031-a", hash="a" * 64, site="0755-031", version=3, document=b"\x00\xff{", stored_ms=1, person="zhao"
    )
    again = msgspec.structs.replace(first, document=b"{}", person="li", stored_ms=2)
    other = msgspec.structs.replace(first, hash="b" * 64, version=2**40)
    with store.write() as connection:
        for each in (first, other, again):
            keep_bundle(connection, each)
        assert bundle_of(connection, (first.box, first.hash)) == again
        assert bundle_of(connection, (other.box, other.hash)) == other
        assert bundle_of(connection, (first.box, "c" * 64)) is None
        asked = [(first.box, first.hash), (first.box, "c" * 64), ("0755-032-a", first.hash)]
        assert known_bundles(connection, asked) == {(first.box, first.hash)}
    with store.read() as reading:
        assert boxes_with_bundles(reading) == {first.box}


def test_what_boxes_work_with_comes_back(store: Store) -> None:
    """Every field of a row, new and changed, and nothing of another box."""
    plain = BoxConfig(box="0755-032-a")
    row = BoxConfig(
        box="0755-031-a",
        wanted_hash="a" * 64,
        wanted_version=2**40,
        wanted_ms=2**41,
        told=True,
        hash="b" * 64,
        version=7,
        roster_version=2,
        roster_not_after="9999-12-31T23:59:59.999Z",
        machine="4f2a9c0d11e87b63",
        differs_ms=5,
        delivered_ms=6,
        tries=7,
        refused_reason="?" * MAX_REASON,
        refused_ms=8,
        drift="refused",
    )
    both = {row.box: row, plain.box: plain}
    with store.write() as connection:
        save_configs(connection, both, {})
        assert configs_of(connection, both) == both
        changed = {row.box: msgspec.structs.replace(row, differs_ms=None, drift="", machine="")}
        save_configs(connection, {**both, **changed}, both)
        assert configs_of(connection, [*both, "0755-033-a"]) == {**both, **changed}


def test_a_record_is_read_on_from_where_it_was_left(store: Store) -> None:
    """The position belongs to the transaction: one that fails leaves the one before."""
    position = Position(run="0" * 32, seq=2**40, hash="a" * 64)
    with store.write() as connection:
        assert position_of(connection, "enrolment") is None
        save_position(connection, "enrolment", position)

    def fail() -> None:
        with store.write() as connection:
            save_position(connection, "enrolment", msgspec.structs.replace(position, seq=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as reading:
        assert position_of(reading.connection, "enrolment") == position


def test_a_database_of_the_first_revision_keeps_what_it_holds(url: str, tmp_path: Path, authority: Authority) -> None:
    """A centre that ran before site bundles goes on: its runs have no machine, and nothing is lost."""
    store = Store(url)
    with store.write() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        run = ("0" * 32, "0755-031-a", 7, 1, 2)
        connection.exec_driver_sql(
            f"INSERT INTO beat_runs (run, box, counter, first_ms, last_ms) VALUES {run}"  # noqa: S608 - ours
        )
    migrate(store)
    with store.write() as connection:
        (kept,) = beat_runs_of(connection, [("0755-031-a", "0" * 32)]).values()
    assert (kept.counter, kept.machine) == (7, "")
    assert differences(store) == []
    store.close()


def test_a_login_lives_until_its_end(store: Store) -> None:
    """Sessions outlive a restart, are prolonged by use, and end."""
    open_session(store, token_hash="0" * 64, person="li", now_ms=0, expires_ms=1000)
    with store.read() as reading:
        assert reading.session("0" * 64, 999) is not None
        assert reading.session("0" * 64, 1000) is None
        assert reading.session("1" * 64, 0) is None
    touch_session(store, token_hash="0" * 64, now_ms=900, expires_ms=5000)
    with store.read() as reading:
        assert (session := reading.session("0" * 64, 4000)) is not None
        assert session.person == "li"
    close_session(store, token_hash="0" * 64, now_ms=4000)
    with store.read() as reading:
        assert reading.session("0" * 64, 4000) is None


def ready(centre: PaperCentre, name: str = "0755-031-a", site: str = "0755-031", **other: str) -> Box:
    """A box that was born and has opened its urgent lane and its routine lane."""
    box = centre.box(name, site, **other)
    centre.take(box.birth(), box.events(box.opened(Lane.URGENT)), box.events(box.opened(Lane.ROUTINE)))
    return box
