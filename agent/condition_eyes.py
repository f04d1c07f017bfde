"""Cameras and recorders, judged for a person in front of the box: one line for all that are well, one for each other.

Pure. A camera without a picture says why and what to do on the spot; so does one whose picture is at fault, and a
recorder that does not keep. Flow: condition_seen.py -> here -> condition.py; `live/sentences.py` says the same hints.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.signals import State
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

CAMERA: Final = "camera/"
CALM: Final = frozenset({"quiet", "occupied", "no_model", "no_reference"})
"""Marks that need nobody here: `people in pictures` speaks of the model, a reference is learned by itself."""

CABLE: Final = N_("see to its power, its cable and its address; then: branchwatch agent probe")
LOGIN: Final = N_(
    "put name and password right in the bank's secrets, and send the site file anew: the box tries again after 5 "
    "minutes, later after an hour at most, so that no device locks the account"
)
CLOCK: Final = N_("set the device's clock by the bank's time server, on its own page")
RECORDING: Final = N_("branchwatch agent history names the channel; look at its schedule on the recorder")
LENS: Final = N_("look at the camera itself: its lens, what hangs before it, where it points, its cable")
REFERENCE: Final = N_("if it shall look like this from now on: branchwatch agent reference ID --learn")

CAUSES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "unreachable": (N_("it cannot be reached"), CABLE),
        "silent": (
            N_("it takes the connection and sends nothing"),
            N_("restart the device; if it stays so, its ONVIF or HTTP service hangs"),
        ),
        "stalled": (N_("its pictures stopped"), CABLE),
        "ended": (N_("it ended the stream"), CABLE),
        "login_refused": (N_("it refuses the login"), LOGIN),
        "not_allowed": (
            N_("it forbids the stream"),
            N_("give this user the right to live pictures, playback and events; a locked account opens by itself"),
        ),
        "busy": (
            N_("it has as many sessions as it allows"),
            N_("end other viewers of this device, or raise its limit of sessions"),
        ),
        "not_found": (
            N_("it has no such stream"),
            N_("take the stream's address from `branchwatch agent probe onvif`, or from the maker's page"),
        ),
        "broken": (
            N_("what it sends is no video"),
            N_("is H.264 or H.265 chosen for this stream on the device's own page? Then restart the device"),
        ),
        "too_large": (
            N_("its picture is too large"),
            N_('choose a smaller picture for this stream on the device\'s own page, or stream = "sub"'),
        ),
        "child": (
            N_("the program that looks at it was started anew"),
            N_("once more in a minute; then journalctl -u branchwatch-agent says why"),
        ),
        "secret_pending": (
            N_("its password is not on the box yet"),
            N_("a site file that is signed for this box brings it; a plain one holds no secrets"),
        ),
    }
)
"""Why a camera has no picture, and what to do; by the words of docs/eyes.md section 4."""

MARKS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "black": (N_("black"), LENS),
        "snow": (N_("full of noise"), LENS),
        "jumping": (N_("jumps"), LENS),
        "frozen": (N_("stands still"), N_("restart the device")),
        "colour_cast": (N_("wrong colours"), LENS),
        "moved": (N_("looks elsewhere"), REFERENCE),
        "defocused": (N_("out of focus"), LENS),
        "covered": (N_("covered"), LENS),
        "login_refused": (N_("refuses the login"), LOGIN),
        "clock_drift": (N_("clock is off"), CLOCK),
        "tamper": (N_("says it is tampered with"), LENS),
        "signal_loss": (N_("says it lost its signal"), LENS),
        "disk_fault": (N_("disk fault"), N_("look at the recorder's disks on its own page, and replace the sick one")),
        "not_recording": (N_("not recording"), RECORDING),
        "retention_short": (N_("kept too short"), N_("a larger disk, fewer frames, or less kept by the bank's rule")),
        "hole": (N_("hole in the recording"), RECORDING),
    }
)


@dataclass(frozen=True, kw_only=True)
class Eye:
    """A camera or a recorder as the running agent sees it."""

    point: str
    name: str
    state: State
    cause: str = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What is to be said of one of them, or of all that are well."""

    text: Said
    bad: bool = False
    next_step: Said | None = None


def sights(eyes: Sequence[Eye]) -> Iterator[Sight]:
    """What is to be said of each, then those that are well in one sentence."""
    for eye in eyes:
        yield from _of(eye)
    well = [eye for eye in eyes if not list(_of(eye))]
    if well:
        cameras = sum(eye.point.startswith(CAMERA) for eye in well)
        facts = {"cameras": cameras, "recorders": len(well) - cameras}
        yield Sight(text=said(N_("in order: cameras {cameras}, recorders {recorders}"), **facts))


def hint(cause: str, known: Mapping[str, tuple[str, str]] = CAUSES) -> tuple[Said, Said]:
    """A cause in words, and the next step."""
    text, step = known.get(cause, (cause.replace("{", "{{").replace("}", "}}"), CABLE))
    return said(text), said(step)


def marked(mark: str) -> Said:
    """A mark in words."""
    return hint(mark, MARKS)[0]


def grave(marks: Sequence[str]) -> tuple[str, ...]:
    """Those marks that somebody must look at."""
    return tuple(mark for mark in marks if mark not in CALM)


def _of(eye: Eye) -> Iterator[Sight]:
    facts = {"name": eye.name, "point": eye.point}
    if eye.state is not State.ONLINE:
        words, step = hint(eye.cause) if eye.cause else (said(N_("not read yet")), said(CABLE))
        text = N_("{name} ({point}) has no picture: {cause}")
        if not eye.point.startswith(CAMERA):
            text = N_("{name} ({point}) does not answer: {cause}")
        yield Sight(text=said(text, cause=words, **facts), bad=eye.state is State.OFFLINE, next_step=step)
    for mark in grave(eye.marks):
        if mark == eye.cause:
            continue
        words, step = hint(mark, MARKS)
        yield Sight(text=said(N_("{name} ({point}): {fault}"), fault=words, **facts), bad=True, next_step=step)
