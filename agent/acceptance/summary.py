"""What a walk test came to, in words: for the terminal, in each language, and for the page. Pure."""

from collections.abc import Iterator
from typing import Final

from agent.acceptance import sentences
from agent.acceptance.plan import Step
from agent.acceptance.progress import Stage
from agent.acceptance.session import Finished
from protocol.acceptance import NOT_WATCHED, PointRecord, Record, Result
from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

RED: Final = "\x1b[31m"
GREEN: Final = "\x1b[32m"
BOLD: Final = "\x1b[1m"
PLAIN: Final = "\x1b[0m"

HEAD: Final = N_("Walk test of {site}, box {box}: {passed} passed, {failed} failed, {untested} untested.")
SIGNED: Final = N_("Signed by box {box} and by {installer}.")
SIGNED_BY_BOX: Final = N_("Signed by box {box} alone: no installer's key was given.")


def summary(finished: Finished, steps: dict[str, Step], say: Texts) -> Iterator[tuple[str, str]]:
    """Lines and their colours: the figures, who signed, and everything that is not as it should be."""
    record = finished.record
    yield (
        BOLD,
        say(HEAD).format(
            site=record.site,
            box=record.box,
            passed=record.count(Result.PASSED),
            failed=record.count(Result.FAILED),
            untested=record.count(Result.UNTESTED),
        ),
    )
    for point in bad_points(record):
        yield RED, f"  {name(point, steps, say)}: {word(point, say)}"
    signed = SIGNED if record.installer else SIGNED_BY_BOX
    yield "" if record.installer else RED, say(signed).format(box=record.box, installer=record.installer)


def bad_points(record: Record) -> list[PointRecord]:
    """What failed, then what is untested."""
    failed = [point for point in record.points if point.result is Result.FAILED]
    return [*failed, *(point for point in record.points if point.result is Result.UNTESTED)]


def name(point: PointRecord, steps: dict[str, Step], say: Texts) -> str:
    """What a point is called."""
    return sentences.name_of(steps[point.id], say) if point.id in steps else point.id


def word(point: PointRecord, say: Texts) -> str:
    """How a point was found."""
    if point.result is Result.UNTESTED:
        unwatched = point.why == NOT_WATCHED
        more = f" ({sentences.result(Stage.UNWATCHED, say)})" if unwatched else ""
        return say(sentences.UNTESTED) + more
    return sentences.result(Stage(point.result.value), say)
