"""`branchwatch agent replay`: recorded footage through the rules of a site file, one line a finding.

Exit codes: 0 done, 2 the input is wrong. Libraries of pictures are loaded only here, in the command's own process.
Flow: command.py -> here -> agent/replaying/.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from agent.replaying.spans import Span, SpanError, clock, seconds, span
from agent.state_option import STATE
from protocol.texts import told

if TYPE_CHECKING:
    from agent.replaying.branch import Said
    from agent.replaying.replay import Happened, Model
    from protocol.site.schema import Camera, Site

DONE, INPUT_WRONG = 0, 2
PROGRESS_S: Final = 0.5

Say = Callable[[str], str]
ReadSite = Callable[[Path, Say], "Site"]


class ReplayError(Exception):
    """What was typed cannot be used; the message is in the reader's language."""


def add_replay_words(
    words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say, read_site: ReadSite
) -> None:
    """Teach `agent` its word about recorded footage."""
    does = say("run recorded footage through the rules of a site file, faster than real time; one line a finding")
    replay = words.add_parser(
        "replay",
        help=does,
        description=does,
        epilog=say("example:")
        + "\n  branchwatch agent replay --config docs/examples/replay.toml clip.mp4"
        + "\n  branchwatch agent replay --config site.toml --camera 07 --open vault@0:10-1:00 night.mp4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def typed(parse: Callable[[str], Any]) -> Callable[[str], Any]:
        def parsed(text: str) -> Any:
            try:
                return parse(text)
            except SpanError as error:
                raise argparse.ArgumentTypeError(told(error, say)) from None

        return parsed

    replay.add_argument("video", type=Path, nargs="+", metavar="VIDEO", help=say("footage of one camera, in order"))
    replay.add_argument("--config", type=Path, required=True, metavar="SITE.toml", help=say("the site file"))
    replay.add_argument("--camera", metavar="ID", help=say("whose footage it is; not needed where the site has one"))
    a_time, spans = typed(seconds), typed(span)
    replay.add_argument("--since", type=a_time, default=0.0, metavar="1:23", help=say("begin there in the clip"))
    replay.add_argument("--until", type=a_time, metavar="4:56", help=say("end there in the clip"))
    does = say("the picture there is as it should be: compare with it; if not said, one is learned as in life")
    replay.add_argument("--learn", type=a_time, metavar="0:03", help=does)
    for option, example, does in (
        ("--open", "DOOR@0:10-1:00", say("a door is open then")),
        ("--released", "DOOR@0:10", say("one is let in by this door then")),
        ("--armed", "PARTITION@0:10-1:00", say("a partition is armed then")),
    ):
        replay.add_argument(option, type=spans, action="append", default=[], metavar=example, help=does)
    replay.add_argument("--closed", action="store_true", help=say("the site is closed; open if not said"))
    replay.add_argument(
        "--start",
        metavar='"2026-11-21 20:30"',
        help=say("when the clip begins, by the clock of the site: then its opening hours count"),
    )
    replay.add_argument("--models", type=Path, metavar="DIR", help=say("look into this folder first"))
    replay.add_argument("--ends", action="store_true", help=say("print also when a finding is over"))
    replay.add_argument("--json", action="store_true", help=say("for a program: one object a line"))
    replay.set_defaults(run=lambda arguments, say: _replay(arguments, say, read_site))


def _replay(arguments: argparse.Namespace, say: Say, read_site: ReadSite) -> int:
    site = read_site(arguments.config, say)
    try:
        camera = _camera(site, arguments, say)
        said = _said(site, arguments, say)
        model = _model(arguments, say) if "people" in camera.watch else None
        for video in arguments.video:
            _through(site, camera, video, said, model, arguments, say)
    except ReplayError as error:
        print(f"branchwatch agent replay: {error}", file=sys.stderr)
        return INPUT_WRONG
    return DONE


def _through(
    site: "Site",
    camera: "Camera",
    video: Path,
    said: "Said",
    model: "Model | None",
    arguments: argparse.Namespace,
    say: Say,
) -> None:
    from agent.replaying.replay import LearnError, replay
    from agent.video.media import MediaError

    if not video.is_file():
        raise ReplayError(say("{file} is no file that can be read").format(file=video))
    began, count, reached = time.monotonic(), 0, _Progress(video)
    try:
        for happened in replay(
            site,
            camera,
            video,
            said,
            model,
            since_s=arguments.since,
            until_s=arguments.until,
            learn_s=arguments.learn,
            reached=reached.tell,
            unlearned=reached.note_unlearned,
        ):
            if not (happened.begins or arguments.ends):
                continue
            count += happened.begins
            reached.clear()
            print(_as_json(happened, video) if arguments.json else _line(happened, video, arguments), flush=True)
    except LearnError as problem:
        reached.clear()
        raise ReplayError(told(problem, say)) from None
    except MediaError as problem:
        reached.clear()
        text = say("{file} cannot be read as footage ({reason}); play it with another program, or convert it to MP4")
        raise ReplayError(text.format(file=video, reason=problem.cause.value)) from None
    reached.clear()
    if reached.looks == 0:
        raise ReplayError(say("{file} ends before --since").format(file=video))
    if reached.unlearned:
        text = say("no quiet moment to learn from: fascias and faults against a reference were not judged; see --learn")
        print(text, file=sys.stderr)
    text = say("{file}: {length} of footage in {took} s, findings: {count}")
    length, took = clock(max(0.0, reached.at_s - arguments.since)), f"{time.monotonic() - began:.1f}"
    print(text.format(file=video.name, length=length, took=took, count=count), file=sys.stderr)


class _Progress:
    """How far it is, on one line of a terminal; a file gets none of it."""

    def __init__(self, video: Path) -> None:
        self._name = video.name
        self._shown = time.monotonic()
        self._dirty = False
        self.at_s = 0.0
        self.looks = 0
        self.unlearned = False

    def tell(self, at_s: float) -> None:
        self.at_s = at_s
        self.looks += 1
        if sys.stderr.isatty() and time.monotonic() - self._shown >= PROGRESS_S:
            self._shown, self._dirty = time.monotonic(), True
            print(f"\r{self._name} {clock(at_s)}", end="", file=sys.stderr, flush=True)

    def note_unlearned(self) -> None:
        """No picture was learned as what it should look like."""
        self.unlearned = True

    def clear(self) -> None:
        if self._dirty:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
            self._dirty = False


def _camera(site: "Site", arguments: argparse.Namespace, say: Say) -> "Camera":
    names = ", ".join(camera.id for camera in site.camera)
    if arguments.camera is None and len(site.camera) == 1:
        return site.camera[0]
    if arguments.camera is None:
        raise ReplayError(say("say whose footage it is with --camera: {names}").format(names=names or "-"))
    for camera in site.camera:
        if camera.id == arguments.camera:
            return camera
    text = say('camera "{name}" is not in the site file; there are: {names}')
    raise ReplayError(text.format(name=arguments.camera, names=names or "-"))


def _said(site: "Site", arguments: argparse.Namespace, say: Say) -> "Said":
    from agent.replaying.branch import Said

    doors, partitions = {door.id for door in site.door}, {each.id for each in site.partition}
    for option, spans, known in (
        ("--open", arguments.open, doors),
        ("--released", arguments.released, doors),
        ("--armed", arguments.armed, partitions),
    ):
        _check_names(option, spans, known, say)
    if arguments.until is not None and arguments.until <= arguments.since:
        raise ReplayError(say("--until lies before --since"))
    return Said(
        open=tuple(arguments.open),
        released=tuple(arguments.released),
        armed=tuple(arguments.armed),
        closed=arguments.closed,
        begins=_begins(site, arguments, say),
    )


def _check_names(option: str, spans: Sequence[Span], known: set[str], say: Say) -> None:
    for each in spans:
        if each.name not in known:
            text = say('{option}: "{name}" is not in the site file; there are: {names}')
            raise ReplayError(text.format(option=option, name=each.name, names=", ".join(sorted(known)) or "-"))


def _begins(site: "Site", arguments: argparse.Namespace, say: Say) -> datetime | None:
    if arguments.start is None:
        return None
    if arguments.closed:
        raise ReplayError(say("--start looks the hours up: leave --closed away"))
    try:
        begins = datetime.fromisoformat(arguments.start)
    except ValueError:
        text = say('"{text}" is no time; write it like "2026-11-21 20:30"')
        raise ReplayError(text.format(text=arguments.start[:40])) from None
    return begins if begins.tzinfo else begins.replace(tzinfo=ZoneInfo(site.timezone))


def _model(arguments: argparse.Namespace, say: Say) -> "Model | None":
    """What finds people; without it, what moves is taken for somebody, and every finding says so."""
    from agent.people.models import ModelsError, Refused, find_model, places
    from protocol.people_models import MODELS

    def refused(each: Refused) -> None:
        print(f"{each.file} {each.reason.told(say)}", file=sys.stderr)

    try:
        from agent.people.inference import ModelError
        from agent.replaying.replay import Model

        found = find_model(places(arguments.models, STATE), list(MODELS), refused)
        return Model(found)
    except ImportError:
        reason = say("OpenVINO is not installed")
    except ModelsError as error:
        reason = told(error, say)
    except ModelError as error:
        reason = str(error)
    print(say("without people model: what moves is taken for people ({reason})").format(reason=reason), file=sys.stderr)
    return None


def _line(happened: "Happened", video: Path, arguments: argparse.Namespace) -> str:
    finding = happened.finding
    kind = finding.kind if happened.begins else f"{finding.kind}.restored"
    facts = " ".join(f"{name}={value}" for name, value in finding.facts.items())
    where = f"  {video.name}" if len(arguments.video) > 1 else ""
    return f"{clock(happened.at_s)} {kind} {finding.source} {facts}{where}".rstrip()


def _as_json(happened: "Happened", video: Path) -> str:
    finding = happened.finding
    return json.dumps(
        {
            "at_s": round(happened.at_s, 2),
            "kind": finding.kind if happened.begins else f"{finding.kind}.restored",
            "source": finding.source,
            "facts": dict(finding.facts),
            "because": [list(row) for row in finding.because],
            "video": str(video),
        },
        ensure_ascii=False,
    )
