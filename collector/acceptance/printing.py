"""A walk test's record as a PDF, in the reader's language. The one file that knows Typst.

Flow: record and its proof -> words -> templates/acceptance.typ -> bytes. Nothing is fetched from anywhere.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import typst

from collector.acceptance.records import Kept
from protocol.acceptance import DESK, Noticed, PointRecord, Result, record_bytes
from protocol.ledger import line_hash
from protocol.texts import SaidError, Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.timestamps import parse_time

TEMPLATE: Final = Path(__file__).parent / "templates" / "acceptance.typ"
FONTS: Final = ("Libertinus Serif", "Noto Serif CJK SC")
"""The first comes with Typst, the second with Debian's fonts-noto-cjk."""

RESULTS: Final = {Result.PASSED: N_("passed"), Result.FAILED: N_("failed"), Result.UNTESTED: N_("not tested")}
NOTICED: Final = {
    Noticed.BOX: N_("seen by the box"),
    Noticed.INSTALLER: N_("seen or heard on site"),
    Noticed.OPERATOR: N_("read from the operator's screen"),
}


class PrintingError(SaidError):
    """The page cannot be drawn here; the message says what is missing."""


def acceptance_pdf(
    kept: Kept,
    *,
    site_name: str,
    unit: str,
    zone: ZoneInfo,
    called: Callable[[str], str],
    texts: Texts,
    language: str,
) -> bytes:
    """The record as A4 pages; `called`: what people call a point.

    Raises:
        PrintingError: the machine has no font for Chinese, or Typst cannot draw.
    """
    words = _words(kept, site_name, unit, zone, called, texts, language)
    try:
        pdf, warnings = typst.compile_with_warnings(
            str(TEMPLATE),
            format="pdf",
            sys_inputs={"record": msgspec.json.encode(words).decode()},
            timestamp=_made(kept.record.finished),
        )
    except typst.TypstError as error:
        raise PrintingError(N_("the page cannot be drawn: {reason}"), reason=str(error)[:200]) from None
    # Without the font the signs are empty boxes, which nobody notices before the paper is in his hand.
    if any("unknown font" in str(warning) for warning in warnings):
        raise PrintingError(N_("this machine has no font for Chinese; install the Debian package fonts-noto-cjk"))
    return bytes(pdf)


def local_time(text: str, zone: ZoneInfo, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """A time of the wire on the clock of its site, with how far that is from UTC: CST is on three continents."""
    moment = parse_time(text)
    with suppress(OverflowError):  # a box's clock may stand at the end of all years
        moment = moment.astimezone(zone)
    offset = f"{moment:%z}"
    hours, minutes = offset[:3].replace("+0", "+").replace("-0", "-"), offset[3:]
    return f"{moment.strftime(form)} UTC" + (f"{hours}:{minutes}" if minutes.strip("0") else hours).removesuffix("+0")


def _words(
    kept: Kept,
    site_name: str,
    unit: str,
    zone: ZoneInfo,
    called: Callable[[str], str],
    texts: Texts,
    language: str,
) -> dict[str, Any]:
    record, _ = kept.record, texts
    passed, failed, untested = (record.count(result) for result in (Result.PASSED, Result.FAILED, Result.UNTESTED))
    whole = not failed and not untested and kept.fault is None
    summary = _("All {count} points passed.").format(count=passed)
    if not whole:
        summary = _("{passed} passed, {failed} failed, {untested} not tested.").format(
            passed=passed, failed=failed, untested=untested
        )
    config = _("none signed") if not record.config.version else f"{record.config.version}  {record.config.hash[:16]}"
    digest = line_hash(record_bytes(record))
    fault = None
    if kept.fault is not None:
        fault = _("This record does not hold: {fault}. It is no acceptance.").format(fault=kept.fault)
    return {
        "title": _("Record of the walk test"),
        "place": f"{site_name}  {record.site}" + (f"  ·  {unit}" if unit else ""),
        "fault": fault,
        "whole": whole,
        "summary": summary,
        "facts": [
            [_("Box"), record.box],
            [_("Site file, version"), config],
            [_("Started"), local_time(record.started, zone)],
            [_("Finished"), local_time(record.finished, zone)],
            [_("Installer"), record.installer or _("nobody")],
            [_("SHA-256 of the record"), " ".join(digest[i : i + 8] for i in range(0, 64, 8))],
        ],
        "head": [_("Point"), _("Result"), _("Noticed"), _("At")],
        "points": [_point(point, record.finished, zone, called, texts) for point in record.points],
        "signatures": [
            {"who": record.box, "what": _("Signed by the box's key"), "line": _("Received by the centre")},
            {
                "who": record.installer or _("nobody"),
                "what": _("Signed by the installer's key"),
                "line": _("Signature, name, date"),
            },
        ],
        "footer": _("Walk test {test}. Rebuilt from the box's signed ledger and checked by the centre.").format(
            test=record.test
        ),
        "fonts": FONTS,
        "lang": language.split("-", maxsplit=1)[0],
    }


def _point(
    point: PointRecord, finished: str, zone: ZoneInfo, called: Callable[[str], str], texts: Texts
) -> dict[str, Any]:
    return {
        "id": point.id,
        "name": texts(N_("Operator's screen")) if point.id == DESK and not point.name else called(point.id),
        "good": point.result is Result.PASSED,
        "result": texts(RESULTS[point.result]),
        "noticed": texts(NOTICED[point.noticed]) if point.noticed else "",
        "at": _at(point.at, finished, zone) if point.at else "",
    }


def _made(text: str) -> datetime:
    """When the page says it was made: whole seconds, and a year that PDF can hold."""
    moment = parse_time(text).replace(microsecond=0)
    return moment if 1970 <= moment.year < 9999 else datetime.fromtimestamp(0, UTC)


def _at(text: str, finished: str, zone: ZoneInfo) -> str:
    """The time of day; with its date where the walk test went on on another one."""
    same_day = local_time(text, zone, "%Y-%m-%d") == local_time(finished, zone, "%Y-%m-%d")
    return local_time(text, zone, "%H:%M:%S" if same_day else "%m-%d %H:%M:%S").partition(" UTC")[0]
