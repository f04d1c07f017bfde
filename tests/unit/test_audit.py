"""The offline audit finds nothing wrong with an honest export and names the first thing wrong with any other."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from protocol.audit import MAX_PROBLEMS, Audit, Report, RootCheck
from protocol.audit_lanes import Fault
from protocol.certificates import Role
from protocol.export import Manifest
from protocol.kinds import Lane
from protocol.ledger import Position, line_hash
from protocol.messages import decode_event
from provisioning.authority import Authority
from tests.ledgers import NOW, PaperBox, PaperExport

AUTHORITY = Authority.create(now=NOW)


def _audit(lines: Sequence[bytes], *, trusted: Authority | None = None, earlier: Manifest | None = None) -> Report:
    audit = Audit(now=NOW, trusted_root=trusted.root.certificate if trusted else None, earlier=earlier)
    for line in lines:
        audit.feed(line)
    return audit.report()


def _paper() -> tuple[PaperExport, PaperBox, PaperBox]:
    centre = PaperBox(AUTHORITY, id="centre-north", site="centre-north", role=Role.COLLECTOR)
    box = PaperBox(AUTHORITY)
    export = PaperExport(AUTHORITY, centre)
    export.signer(centre)
    export.signer(box)
    return export, box, centre


def _honest(count: int = 4) -> tuple[PaperExport, PaperBox]:
    export, box, _ = _paper()
    for lane, kind in ((Lane.ROUTINE, "door.held_open"), (Lane.URGENT, "door.dual_open")):
        export.events(box, box.opened(lane))
        for number in range(count):
            export.events(box, box.line(kind, number=number))
    return export, box


def test_an_honest_ledger_is_sound() -> None:
    """Two lanes of one box, every line counted, the root compared with the reader's own copy."""
    export, _ = _honest()
    report = _audit(export.finish(), trusted=AUTHORITY)
    assert report.problems == ()
    assert (report.events, report.envelopes, report.runs, report.boxes) == (10, 10, 2, ("0755-031-a",))
    assert report.root is RootCheck.MATCHES


def test_without_a_root_it_says_so() -> None:
    """The fingerprint is printed and nothing is claimed about it (WIRE 2.10)."""
    export, _ = _honest()
    report = _audit(export.finish())
    assert report.sound
    assert report.root is RootCheck.UNCHECKED
    assert len(report.root_fingerprint) == 32 * 3 - 1


def test_another_banks_root_is_not_ours() -> None:
    """A whole ledger made under another root is untrusted, however sound inside."""
    export, _ = _honest()
    report = _audit(export.finish(), trusted=Authority.create(now=NOW))
    assert report.problems[0].fault is Fault.UNTRUSTED


def test_every_single_byte_counts() -> None:
    """Changing any one byte anywhere in the file is found."""
    export, _ = _honest(count=1)
    lines = export.finish()
    for number, line in enumerate(lines):
        for at in range(0, len(line), 7):  # every seventh byte keeps this quick; the offset moves with the line
            position = min(at + number % 7, len(line) - 1)
            changed = bytearray(line)
            changed[position] ^= 1
            report = _audit([*lines[:number], bytes(changed), *lines[number + 1 :]])
            assert not report.sound, (number, position)


def _missing(lines: list[bytes]) -> list[bytes]:
    return lines[:6] + lines[7:]


def _swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:6], lines[7], lines[6], *lines[8:]]


def _doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:7], lines[6], *lines[7:]]


@pytest.mark.parametrize(
    ("damage", "fault", "words"),
    [
        (_missing, Fault.MISSING, "routine 3"),
        (_swapped, Fault.REORDERED, "routine 3"),
        (_doubled, Fault.DUPLICATED, "routine 3"),
    ],
)
def test_a_moved_envelope_is_named(damage: Callable[[list[bytes]], list[bytes]], fault: Fault, words: str) -> None:
    """One envelope removed, swapped with the next or repeated: the fault and the event are named."""
    export, _ = _honest()
    report = _audit(damage(export.finish()))
    named = [problem for problem in report.problems if problem.fault is fault and words in str(problem.text)]
    assert named, report.problems


def test_a_cut_tail_is_found() -> None:
    """Without the manifest, or with the last events gone and the manifest kept, the file is not sound."""
    export, _ = _honest()
    lines = export.finish()
    assert "tail" in str(_audit(lines[:-1]).problems[0].text)
    assert any(p.fault is Fault.MISSING for p in _audit([*lines[:-2], lines[-1]]).problems)


def test_a_dropped_lane_is_found() -> None:
    """A file without the whole urgent lane does not lead to the manifest's heads."""
    export, _ = _honest()
    lines = export.finish()
    report = _audit([*lines[:9], lines[-1]])
    assert any("urgent" in str(problem.text) and problem.fault is Fault.MISSING for problem in report.problems)


def test_a_manifest_of_less_does_not_fit() -> None:
    """A centre that signs a manifest without a lane that stands in the file is found."""
    export, _ = _honest()
    export.heads = {key: head for key, head in export.heads.items() if key[1] is Lane.ROUTINE}
    assert not _audit(export.finish()).sound


def test_two_contents_under_one_number_are_a_fork() -> None:
    """A clone that writes its own line under a number that is taken is named."""
    export, box = _honest()
    tip = box.tips[Lane.URGENT]
    export.events(box, box.line("door.forced"))
    box.tips[Lane.URGENT] = tip
    export.events(box, box.line("zone.fire"))
    report = _audit(export.finish())
    assert report.problems[0].fault is Fault.FORKED


def test_a_new_run_continues_the_old_one() -> None:
    """After a restart the numbers go on and `ledger.opened` names the line before."""
    export, box = _honest()
    box.restart()
    export.events(box, box.opened(Lane.URGENT), box.line("door.forced"))
    report = _audit(export.finish())
    assert report.problems == ()
    assert report.runs == 3


def test_a_run_without_its_opening_is_not_believed() -> None:
    """A run that begins with anything but `ledger.opened` is altered."""
    export, box = _honest()
    box.restart()
    export.events(box, box.line("door.forced"))
    assert _audit(export.finish()).problems[0].fault is Fault.ALTERED


@pytest.mark.parametrize("recorded", [True, False])
def test_a_store_set_back_needs_the_centres_word(recorded: bool) -> None:
    """A run behind the head is sound only where the centre's own ledger holds its `ledger.rollback`."""
    export, box, centre = _paper()
    export.events(box, box.opened(Lane.URGENT))
    tip = box.tips[Lane.URGENT]
    export.events(box, box.line("door.forced"), box.line("door.dual_open"))
    box.restart()
    box.tips[Lane.URGENT] = tip
    export.events(box, box.opened(Lane.URGENT))
    export.events(centre, centre.opened(Lane.URGENT))
    if recorded:
        export.events(centre, centre.line("ledger.rollback", box=box.id, lane="urgent", run=box.run))
    report = _audit(export.finish())
    assert report.sound is recorded
    assert report.rollbacks == (((box.id, "urgent", box.run),) if recorded else ())
    assert recorded or report.problems[0].fault is Fault.FORKED


@pytest.mark.parametrize("honest", [True, False])
def test_a_hole_is_accepted_only_through_a_shed_line(honest: bool) -> None:
    """Lines that the box gave up and signed for are no loss; with a wrong hash in that line they are missing."""
    export, box, _ = _paper()
    export.events(box, box.opened(Lane.ROUTINE))
    before = box.tips[Lane.ROUTINE].hash
    for _n in range(3):
        box.line("door.held_open")
    last = box.tips[Lane.ROUTINE]
    export.events(box, box.line("door.held_open"))
    shed: dict[str, Any] = {"from": 2, "to": 4, "first_prev": before, "last_hash": last.hash if honest else "0" * 64}
    export.events(box, box.line("ledger.shed", counts={"door.held_open": 3}, **shed))
    report = _audit(export.finish())
    assert report.sound is honest
    assert report.shed == (3 if honest else 0)


def test_a_run_whose_beginning_was_shed_is_followed() -> None:
    """Even `ledger.opened` of the routine lane may be given up, if the shed line says so."""
    export, box, _ = _paper()
    box.opened(Lane.ROUTINE)
    box.line("door.held_open")
    last = box.tips[Lane.ROUTINE]
    kept = box.line("door.held_open")
    shed: dict[str, Any] = {"from": 1, "to": 2, "first_prev": "0" * 64, "last_hash": last.hash}
    export.events(box, kept, box.line("ledger.shed", **shed))
    assert _audit(export.finish()).problems == ()


def test_a_hole_that_grew_around_what_had_arrived_is_no_loss() -> None:
    """A box that gives up more signs anew for the whole: the first shed line, and what had arrived, lie inside."""
    export, box, _ = _paper()
    export.events(box, box.opened(Lane.ROUTINE))
    before = box.tips[Lane.ROUTINE].hash
    box.line("door.held_open")
    small: dict[str, Any] = {"from": 2, "to": 2, "first_prev": before, "last_hash": box.tips[Lane.ROUTINE].hash}
    export.events(box, box.line("ledger.shed", **small))
    box.line("door.held_open")
    whole: dict[str, Any] = {"from": 2, "to": 4, "first_prev": before, "last_hash": box.tips[Lane.ROUTINE].hash}
    export.events(box, box.line("ledger.shed", **whole))
    report = _audit(export.finish())
    assert report.problems == ()
    assert report.shed == 2, "what stands here was not given up, and nothing counts twice"


def test_a_number_from_nowhere_costs_nothing() -> None:
    """A box that skips to a number far away is missing lines; the auditor's memory is not filled with its hole."""
    export, box, _ = _paper()
    export.events(box, box.opened(Lane.URGENT))
    box.tips[Lane.URGENT] = Position(run=box.run, seq=2**50, hash="1" * 64)
    export.events(box, box.line("door.forced"))
    (problem,) = _audit(export.finish()).problems
    assert problem.fault is Fault.MISSING
    assert f"urgent 2 to {2**50}" in str(problem.text)


def test_rubbish_does_not_fill_the_memory() -> None:
    """Of a flood of problems the first ones are kept."""
    export, _ = _honest()
    lines = export.finish()
    report = _audit([*lines[:2], *[b"rubbish\n"] * 10 * MAX_PROBLEMS, *lines[2:]])
    assert len(report.problems) == MAX_PROBLEMS
    assert report.problems[0].record == 3


def test_a_beat_that_names_another_line_is_a_fork() -> None:
    """What a box says of its head in its own beat must be the line that stands here under that number."""
    export, box = _honest()
    export.beat(box)
    assert _audit(export.finish()).sound
    export, box = _honest()
    honest = box.tips[Lane.URGENT]
    box.tips[Lane.URGENT] = Position(run=honest.run, seq=honest.seq, hash="1" * 64)
    export.beat(box)
    (problem,) = _audit(export.finish()).problems
    assert problem.fault is Fault.FORKED
    assert f"urgent {honest.seq}" in str(problem.text)


def test_a_beat_of_a_run_that_is_not_here_is_a_second_history() -> None:
    """WIRE 2.10: what the box itself says at or behind the end of the file must stand here, also by its run."""
    export, box = _honest()
    box.restart()
    box.tips = {Lane.URGENT: Position(run=box.run, seq=3, hash="1" * 64)}
    export.beat(box)
    (problem,) = _audit(export.finish()).problems
    assert problem.fault is Fault.FORKED
    assert "urgent 3" in str(problem.text)


def test_a_beat_of_a_run_that_has_not_arrived_yet_is_said_as_unsent() -> None:
    """A box that restarted just before the export has told nothing wrong: its new run lies beyond the file."""
    export, box = _honest()
    box.restart()
    box.opened(Lane.URGENT)
    box.opened(Lane.ROUTINE)
    export.beat(box)
    report = _audit(export.finish())
    assert report.problems == ()
    assert report.unsent == (("0755-031-a", "routine", 1), ("0755-031-a", "urgent", 1))


def test_a_hole_in_the_urgent_lane_is_counted_apart() -> None:
    """A record damaged at the box is signed for in the routine lane; the urgent lane gives up nothing otherwise."""
    export, box, _ = _paper()
    export.events(box, box.opened(Lane.URGENT))
    before = box.tips[Lane.URGENT].hash
    box.line("door.forced")
    hole: dict[str, Any] = {"from": 2, "to": 2, "first_prev": before, "last_hash": box.tips[Lane.URGENT].hash}
    export.events(box, box.line("door.forced"))
    export.events(box, box.opened(Lane.ROUTINE), box.line("ledger.shed", lane="urgent", **hole))
    report = _audit(export.finish())
    assert report.problems == ()
    assert (report.shed, report.urgent_holes) == (1, (("0755-031-a", 1),))


def test_what_a_beat_claims_beyond_the_file_is_said() -> None:
    """Lines that the box wrote and that are not here are counted: not yet arrived, or withheld."""
    export, box = _honest()
    box.line("door.forced")
    export.beat(box)
    assert _audit(export.finish()).unsent == (("0755-031-a", "urgent", 1),)


def test_overlapping_envelopes_count_each_event_once() -> None:
    """A repeat that overlaps what is known is stored for its new lines only."""
    export, box, _ = _paper()
    first, second, third = box.opened(Lane.URGENT), box.line("door.forced"), box.line("door.dual_open")
    export.events(box, first, second)
    export.events(box, first, second, third, take=(2,))
    report = _audit(export.finish())
    assert report.problems == ()
    assert report.events == 3


def test_a_box_has_one_key_in_a_ledger() -> None:
    """Whoever holds collector and issuing key goes on in a muted box's name under a key of his own: that is said."""
    export, box = _honest()
    thief = PaperBox(AUTHORITY)
    thief.run, thief.tips = box.run, box.tips
    export.signer(thief)
    export.events(thief, thief.line("door.dual_open"))
    (problem,) = _audit(export.finish(), trusted=AUTHORITY).problems
    assert (problem.fault, "two keys" in str(problem.text)) == (Fault.UNTRUSTED, True)


def test_a_box_cannot_speak_for_another() -> None:
    """An event that names another box or site than its signer is untrusted."""
    export, box, _ = _paper()
    other = PaperBox(AUTHORITY, id="0755-032-a", site="0755-032")
    foreign = other.opened(Lane.URGENT)
    export.events(box, foreign)
    assert _audit(export.finish()).problems[0].fault is Fault.UNTRUSTED


@pytest.mark.parametrize("recorded", [False, True])
def test_what_an_earlier_export_had_may_not_be_gone(recorded: bool) -> None:
    """A centre that drops lines or was set back writes a sound export; an older one names what is gone."""
    export, box, centre = _paper()
    kept = (centre.opened(Lane.URGENT),)
    begun = dict(centre.tips)
    export.events(centre, *kept, centre.line("box.silent", box=box.id))
    earlier = _audit(export.finish()).manifest
    later = PaperExport(AUTHORITY, centre)
    later.signer(centre)
    later.events(centre, *kept)
    centre.tips = begun
    centre.restart()
    later.events(centre, centre.opened(Lane.URGENT))
    if recorded:
        later.events(centre, centre.line("ledger.rollback", box=centre.id, lane="urgent", run=centre.run))
    lines = later.finish()
    assert _audit(lines).sound
    assert _audit(lines, earlier=_audit(lines).manifest).sound
    (problem,) = _audit(lines, earlier=earlier).problems
    assert problem.fault is Fault.MISSING
    assert "centre-north urgent 2" in str(problem.text)
    assert ("set back" in str(problem.text)) is recorded


def test_what_the_audit_says_can_be_found_again() -> None:
    """A problem names the box, the lane, the number and the record of the file."""
    export, _ = _honest()
    lines = export.finish()
    report = _audit(_missing(lines))
    problem = next(p for p in report.problems if p.fault is Fault.MISSING)
    assert "0755-031-a routine 3" in str(problem.text)
    assert problem.record == 7
    assert line_hash(lines[6]) != line_hash(lines[7])
    assert decode_event(PaperBox(AUTHORITY).opened(Lane.URGENT)).seq == 1
