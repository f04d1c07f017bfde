"""The enrolment's record becomes events of the centre's own ledger: each once, refusals counted, nothing on trust."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from collector.ingest.enrolling import RecordError, read_lines
from collector.storage.record_positions import position_of
from collector.storage.records import EventRow
from collector.times import unix_ms
from protocol.documents import Signer, sign_document
from protocol.enrolment import RecordRequest
from protocol.envelope import EnvelopeType
from protocol.timestamps import format_time
from provisioning.enrolment.desk import Answered
from tests.clock import Clock
from tests.collecting import PaperCentre
from tests.enrolments import BOX, SITE, AskingBox, PaperDesk, paper_desk


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Iterator[PaperDesk]:
    """An enrolment whose authority also made the centre's certificate."""
    with paper_desk(tmp_path / "desk", clock) as made:
        yield made


@pytest.fixture
def centre(tmp_path: Path, desk: PaperDesk) -> Iterator[PaperCentre]:
    """A centre that has heard one box of the site already, so that the site has its place."""
    made = PaperCentre(folder=tmp_path, authority=desk.authority)
    made.take(made.box("0755-031-z", SITE).birth())
    yield made
    made.close()


def lines(centre: PaperCentre, desk: PaperDesk, after: int = 0) -> bytes:
    """What the enrolment shows this centre."""
    request = RecordRequest(v=1, after=after, at=format_time(desk.clock.now()))
    signer = Signer(sealer=centre.sealer, chain=centre.chain)
    answer = desk.desk.lines(sign_document(EnvelopeType.RECORD, msgspec.json.encode(request), [signer]))
    assert isinstance(answer, Answered), answer
    return answer.body


def read_on(centre: PaperCentre, desk: PaperDesk) -> int:
    """One poll; how many lines it brought."""
    with centre.store.read() as reading:
        before = position_of(reading.connection, "enrolment")
    entries, behind = read_lines(lines(centre, desk, 0 if before is None else before.seq), before)
    if entries:
        assert behind is not None
        centre.pipeline.enrolled(entries, before, behind, now_ms=unix_ms(centre.now), mono_ms=0)
    return len(entries)


def told(centre: PaperCentre) -> list[EventRow]:
    """What the centre said of enrolment."""
    return [event for event in centre.events() if event.kind.startswith(("enrol.", "certificate."))]


def wrong(desk: PaperDesk, box: str = BOX, site: str = SITE) -> None:
    """A try with a code that is none."""
    desk.desk.enrol(AskingBox(box, site).enrolment(os.urandom(10)))


def test_an_enrolment_is_told_at_its_site(centre: PaperCentre, desk: PaperDesk) -> None:
    """enrol.completed with box, site, key and machine: level 3, an alarm that a person sees."""
    box = desk.enrolled()
    read_on(centre, desk)
    (event,) = told(centre)
    assert (event.kind, event.site, event.source, event.level) == ("enrol.completed", SITE, f"box/{BOX}", 3)
    assert (event.facts["box"], event.facts["site"]) == (BOX, SITE)
    assert event.facts["machine"] == "0123456789abcdef"
    assert event.facts["spoken"].count(" ") == 7
    assert event.facts["serial"] == f"{box.certificate().serial_number:x}"
    assert [alarm.kind for alarm in centre.alarms(site=SITE)] == ["enrol.completed"]


def test_nothing_is_told_twice(centre: PaperCentre, desk: PaperDesk) -> None:
    """The position stands in the transaction of the events, also over a restart."""
    desk.enrolled()
    assert read_on(centre, desk) == 3
    centre.restart()
    assert read_on(centre, desk) == 0
    desk.enrolled(AskingBox("0755-032-a", "0755-032"))
    assert read_on(centre, desk) == 2
    assert [event.facts["box"] for event in told(centre)] == [BOX, "0755-032-a"]


def test_another_collector_of_the_same_database_takes_no_line_again(centre: PaperCentre, desk: PaperDesk) -> None:
    """Two that read at once: the second finds the position moved and leaves the lines."""
    desk.enrolled()
    entries, behind = read_lines(lines(centre, desk), None)
    assert behind is not None
    for _ in range(2):
        centre.pipeline.enrolled(entries, None, behind, now_ms=unix_ms(centre.now), mono_ms=0)
    assert len(told(centre)) == 1


def test_a_site_nobody_spoke_for_is_told_at_the_centre(centre: PaperCentre, desk: PaperDesk) -> None:
    """What a record names may be anybody's typing: an alarm always has a place that a person sees."""
    wrong(desk, "0799-001-a", "0799-001")
    read_on(centre, desk)
    (event,) = told(centre)
    assert (event.site, event.facts["site"], event.facts["box"]) == (centre.id, "0799-001", "0799-001-a")
    assert [alarm.site for alarm in centre.alarms(kind="enrol.refused")] == [centre.id]


def test_refusals_are_told_once_in_ten_minutes_with_their_count(centre: PaperCentre, desk: PaperDesk) -> None:
    """One event a site and code; what follows is counted, and told when the ten minutes are over."""
    desk.token()
    for _ in range(3):
        wrong(desk)
        read_on(centre, desk)
    assert [(event.kind, event.facts["reason"]) for event in told(centre)] == [("enrol.refused", "code_wrong")]
    centre.pass_time(timedelta(minutes=10).total_seconds() + 1)
    over = told(centre)[-1]
    assert (over.kind, over.facts["count"], over.restores) == ("enrol.refused.restored", 3, told(centre)[0].id)
    wrong(desk)
    read_on(centre, desk)
    assert [event.kind for event in told(centre)].count("enrol.refused") == 2


def test_a_code_that_wrong_tries_used_up_is_told(centre: PaperCentre, desk: PaperDesk) -> None:
    """The fifth wrong try kills it: enrol.code_dead, an alarm of its own."""
    desk.token()
    for _ in range(5):
        wrong(desk)
    read_on(centre, desk)
    assert [event.kind for event in told(centre)] == ["enrol.refused", "enrol.code_dead"]
    assert told(centre)[0].facts["count"] == 5
    assert {alarm.kind for alarm in centre.alarms(site=SITE)} == {"enrol.code_dead", "enrol.refused"}


def test_a_renewal_is_told_and_no_alarm(centre: PaperCentre, desk: PaperDesk) -> None:
    """certificate.renewed, level 5."""
    box = desk.enrolled()
    desk.clock.advance(timedelta(days=300))
    box.take(desk.desk.renew(box.renewal(desk.clock.now())))
    read_on(centre, desk)
    assert [event.kind for event in told(centre)] == ["enrol.completed", "certificate.renewed"]
    assert not centre.alarms(kind="certificate.renewed")


def test_a_record_that_does_not_go_on_is_not_believed(centre: PaperCentre, desk: PaperDesk) -> None:
    """A changed line, a missing one, another record, nonsense: nothing of the answer is taken."""
    desk.enrolled()
    desk.enrolled(AskingBox("0755-032-a", "0755-032"))
    whole = lines(centre, desk)
    parts = whole.splitlines(keepends=True)
    wrongs = {
        whole.replace(b"0123456789abcdef", b"fedcba9876543210", 1): "altered",
        b"".join([parts[0], parts[2]]): "missing",
        b"".join([parts[0], parts[0]]): "duplicated",
        parts[0] + b"{}\n": "malformed",
        parts[0] + b'{"x":"' + b"x" * 5000 + b'"}\n': "too_large",
    }
    for body, fault in wrongs.items():
        with pytest.raises(RecordError, match=fault):
            read_lines(body, None)


def test_a_record_begun_anew_is_not_believed(tmp_path: Path, centre: PaperCentre, desk: PaperDesk) -> None:
    """Whoever puts a fresh record in the place of one that told too much is found out."""
    desk.enrolled()
    _, behind = read_lines(lines(centre, desk), None)
    with paper_desk(tmp_path / "other", desk.clock) as other:
        for number in range(3):
            other.enrolled(AskingBox(f"0755-04{number}-a", f"0755-04{number}"))
        fresh = (other.folder / "record.ndjson").read_bytes().splitlines(keepends=True)
    with pytest.raises(RecordError, match="another_record"):
        read_lines(b"".join(fresh[3:]), behind)
