"""What only PostgreSQL has: others to hear of, a password, an encoding, a server that goes and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, text

from collector.command import main
from collector.storage.auditing import without_step
from collector.storage.faults import out_of_reach
from collector.storage.journal import Entry, write_journal
from collector.storage.migrating import migrate
from collector.storage.own_id import IdTakenError, refuse_second, taken
from collector.storage.records import Sight, Topic
from collector.storage.schema import journal
from collector.storage.store import NotStorableError, Store, StoreError
from collector.storage.waking import Waking
from collector.storage.writing import lock_counters, save_site
from provisioning.authority import Authority
from tests.brokers import make_certificates
from tests.collecting import PaperCentre
from tests.ledgers import NOW
from tests.postgres_peer import PASSWORD, Cluster
from tests.waiting import eventually_blocking


@pytest.fixture
def url(postgres: Cluster) -> Iterator[str]:
    """An empty database."""
    made = postgres.database()
    yield made
    postgres.drop(made)


def written(store: Store, site: str = "s") -> None:
    """One entry of the journal."""
    with store.write() as connection:
        lock_counters(connection)
        write_journal(connection, [Entry(topic=Topic.BOX, subject="b", action="changed", site=site, person="p")], 1)


class Bell:
    """Counts how often it was rung, from any thread."""

    def __init__(self) -> None:
        self.rung = 0

    def __call__(self) -> None:
        self.rung += 1


@pytest.fixture
def listening(store: Store) -> Iterator[tuple[Waking, Bell]]:
    """Another collector that listens."""
    bell = Bell()
    other = Store(store.engine.url.render_as_string(hide_password=False))
    waking = Waking(other, bell)
    waking.start()
    eventually_blocking(lambda: bell.rung, what="it listens, and looks once")
    yield waking, bell
    waking.stop()
    other.close()


def test_others_are_woken_by_a_commit(store: Store, listening: tuple[Waking, Bell]) -> None:
    """And by nothing before it: who is woken finds the entry."""
    _, bell = listening

    def taken_back() -> None:
        with store.write() as connection:
            write_journal(connection, [Entry(topic=Topic.BOX, subject="b", action="a", site="", person="p")], 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        taken_back()
    written(store)
    eventually_blocking(lambda: bell.rung == 2, what="it is woken once")
    with store.read() as reading:
        assert reading.journal_head() == 1


def test_what_nobody_was_told_of_is_seen_soon(store: Store, listening: tuple[Waking, Bell]) -> None:
    """Word may be swallowed by what lies between (a pooler): the journal is looked at where nothing is heard."""
    _, bell = listening
    entry = {"number": 1, "topic": "box", "subject": "b", "action": "a", "site": "", "person": "p", "at_ms": 1}
    seen = bell.rung
    with store.write() as connection:
        connection.execute(insert(journal).values(**entry, line=b"{}", hash="0" * 64))
    eventually_blocking(lambda: bell.rung > seen, what="it is woken without word")


def test_one_collector_an_id(postgres: Cluster, store: Store) -> None:
    """A second of the same id is refused while the first lives, also after its connection was cut, and by no trace of
    it afterwards; another id is free."""
    waking = Waking(store, lambda: None, "centre-1")
    waking.start()
    eventually_blocking(lambda: taken(store, "centre-1"), what="the id is held")
    with pytest.raises(IdTakenError, match='the id "centre-1" is running'):
        refuse_second(store, "centre-1")
    refuse_second(store, "centre-2")
    (was,) = postgres.ask("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
    eventually_blocking(
        lambda: postgres.ask("SELECT pid FROM pg_locks WHERE locktype = 'advisory'") not in ([], [was]),
        what="it is held anew",
    )
    waking.stop()
    refuse_second(store, "centre-1")


def test_who_was_cut_off_listens_again(postgres: Cluster, store: Store, listening: tuple[Waking, Bell]) -> None:
    """What was written meanwhile is made good by waking once more."""
    _, bell = listening
    postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT max(number)%'")
    eventually_blocking(lambda: bell.rung == 2, what="it listens again")
    written(store)
    eventually_blocking(lambda: bell.rung == 3, what="it is woken")


def test_a_server_that_came_back_is_used_again(postgres: Cluster, store: Store) -> None:
    """Connections of the pool that died with it are found out before they are used."""
    written(store)
    postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'branchwatch'")
    written(store)
    with store.read() as reading:
        assert reading.journal_head() == 2


def test_who_is_cut_off_in_the_middle_is_told_to_try_again(postgres: Cluster, store: Store) -> None:
    """Nothing of the transaction is left, and it is an outage, no row's fault."""

    def cut_off() -> None:
        with store.write() as connection:
            save_site(connection, "a", "A", "", "UTC")
            postgres.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state LIKE 'idle in %'")
            save_site(connection, "b", "B", "", "UTC")

    with pytest.raises(StoreError):
        cut_off()
    with store.read() as reading:
        assert reading.sites(Sight()) == ()


def test_readers_cannot_write(store: Store) -> None:
    """Whoever only asks changes nothing, by the database's own word."""
    with pytest.raises(StoreError), store.read() as reading:
        save_site(reading.connection, "a", "A", "", "UTC")


def test_the_auditor_plans_for_many_and_for_itself_alone(store: Store) -> None:
    """A storm is younger than the server's statistics: counts join whole tables, and what follows them does not."""
    plans: list[str] = []

    def note(_: object, cursor: Any, statement: str, *__: object) -> None:
        if "count(" in statement.lower():
            plans.append(cursor.connection.execute("SHOW enable_nestloop").fetchone()[0])

    event.listen(store.engine, "before_cursor_execute", note)
    with store.write() as connection:
        assert without_step(connection, 3) == (0, ())
        plans.append(connection.execute(text("SHOW enable_nestloop")).scalar_one())
    assert plans == ["off", "on"]


def test_two_that_migrate_at_once_do_it_once(url: str) -> None:
    """Collectors that start together: one brings the schema, the other finds it there."""
    stores = [Store(url), Store(url)]
    before: list[str | None] = []
    threads = [threading.Thread(target=lambda store=store: before.append(migrate(store)[0])) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()
    assert sorted(before, key=str) == ["0006", None]


def test_text_in_another_encoding_is_refused_at_once(postgres: Cluster) -> None:
    """A bank's names would not fit; the next step is in the sentence."""
    url = postgres.database(encoding="LATIN1")
    store = Store(url)
    with pytest.raises(StoreError, match=r"LATIN1; make one with: createdb --encoding=UTF8"):
        migrate(store)
    store.close()
    postgres.drop(url)


def test_a_database_that_is_not_migrated_says_so(url: str) -> None:
    """A word that comes before `serve` meets no traceback."""
    store = Store(url)
    with pytest.raises(StoreError, match="branchwatch collector migrate"), store.read() as reading:
        reading.journal_head()
    store.close()


@pytest.mark.parametrize(
    ("address", "step"),
    [
        (lambda url: url.replace(PASSWORD, "wrong-0815"), "at the password in its password file"),
        (lambda url: url.replace(f":{PASSWORD}", ""), "at the password in its password file"),
        (lambda url: url + "_missing", "createdb"),
    ],
    ids=["wrong", "none", "missing"],
)
def test_who_cannot_come_in_is_told_without_the_password(
    url: str, address: Callable[[str], str], step: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A wrong password or none, a database that is not there: one sentence with its next step, no password anywhere."""
    store = Store(address(url))
    with pytest.raises(StoreError, match=step) as told:
        migrate(store)
    store.close()
    shown = f"{told.value} {told.value!r} {caplog.text}"
    assert PASSWORD not in shown
    assert "wrong-0815" not in shown


class _CodedError(Exception):
    """What SQLAlchemy wraps."""

    def __init__(self, code: str) -> None:
        self.orig = self
        self.sqlstate = code


@pytest.mark.parametrize(
    ("code", "step"),
    [
        ("53100", "make room on its disk"),
        ("53300", "max_connections"),
        ("40P01", "tried again by itself"),
        ("25P03", "tried again by itself"),
        ("25006", "a copy that only reads"),
        ("55P03", "another program holds it"),
        ("42501", "create and write tables"),
        ("XX001", "restore a copy"),
        ("58030", "look at its disk"),
        ("57P01", "see that it runs"),
    ],
)
def test_its_own_codes_have_a_next_step(code: str, step: str) -> None:
    """PostgreSQL's manual, appendix A."""
    assert step in str(out_of_reach("db", _CodedError(code)))


def test_a_value_too_long_is_no_outage(store: Store) -> None:
    """It would be too long tomorrow too."""
    with pytest.raises(NotStorableError), store.write() as connection:
        save_site(connection, "a" * 33, "A", "", "UTC")


def test_the_collector_s_words_work_on_it(
    postgres: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """check, migrate, export and verify on postgresql://, the password from its own file and on no screen."""
    certificates = make_certificates(tmp_path)
    url = postgres.database()
    made = PaperCentre(folder=tmp_path, authority=Authority.create(now=NOW), url=url)
    made.close()
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"*:*:*:*:{PASSWORD}\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    certificate, key = certificates.pair("centre-1")
    config = tmp_path / "collector.toml"
    config.write_text(
        f"""
id = "centre-1"
database = "{postgres.url(url.rpartition("/")[2], None).replace("+psycopg", "")}"
brokers = ["127.0.0.1:8883"]
trust = "{certificates.root}"
certificate = "{certificate}"
key = "{key}"
crls = ["{certificates.crls}"]
"""
    )
    assert main(["check", "--config", str(config)]) == 0
    assert main(["migrate", "--config", str(config)]) == 0
    assert main(["export", "--config", str(config), "--out", str(tmp_path / "ledger.ndjson")]) == 0
    assert (tmp_path / "ledger.ndjson").stat().st_size > 500
    passfile.write_text("*:*:*:*:wrong\n")
    assert main(["migrate", "--config", str(config)]) == 3
    shown = capsys.readouterr()
    assert "0006" in shown.out
    assert PASSWORD not in shown.out + shown.err
    postgres.drop(url)
