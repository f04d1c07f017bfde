"""What is said about cameras, areas, recorders and pictures, as data: joined into sentences.py, filled by wording.py.

Facts are those of docs/eyes.md; `model` says who found people, and where it was nobody, that is said too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

DECIDED: Final = N_("Decided by {measure}: {value}, the limit is {limit}")
"""The figure beside a picture fault's two pictures."""

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "presence.loitering": (
            N_("Somebody stays in {source} for {dwell_s} s, {limit_s} s are allowed"),
            N_("Somebody stays in {source} too long"),
        ),
        "presence.after_hours": (
            N_("Somebody is in {source}, though {closed}"),
            N_("Somebody is in {source}, where nobody may be now"),
        ),
        "presence.restricted_area": (
            N_("{people} people are in {source}, where nobody may be"),
            N_("Somebody is in {source}, where nobody may be"),
        ),
        "presence.post_unattended": (
            N_("Nobody has been at {source} for {empty_s} s"),
            N_("Nobody is at {source}"),
        ),
        "presence.crowd": (
            N_("{people} people are in {source}, {limit} are allowed"),
            N_("Too many people are in {source}"),
        ),
        "custody.single_person": (
            N_("{door} is open and one person has been alone there for {alone_s} s, {grace_s} s are allowed"),
            N_("{door} is open and one person is alone there"),
        ),
        "custody.left_alone": (
            N_("{door} is open; two were there, and one has been left alone for {alone_s} s"),
            N_("{door} is open; two were there, and one was left alone"),
        ),
        "custody.unattended": (
            N_("{door} is open and nobody has been there for {empty_s} s, {grace_s} s are allowed"),
            N_("{door} is open and nobody is there"),
        ),
        "door.tailgating": (
            N_("{people} people came in through {door}, {released} were released"),
            N_("More people came in through {door} than were released"),
        ),
        "atm.fascia_changed": (
            N_("Something is on the fascia of {source}: {cells} fields look different, and nobody stands there"),
            N_("Something is on the fascia of {source}, and nobody stands there"),
        ),
        "vehicle.bay": (
            N_("The vehicle has left {source} after {stood_s} s"),
            N_("A vehicle stands in {source}"),
        ),
        "vehicle.absent": (N_("{door} is open, and no vehicle stands in {source}"),),
        "camera.video_loss": (
            N_("{source} sends no picture: {cause}"),
            N_("{source} sends no picture"),
        ),
        "camera.covered": (N_("Something covers {source}; it sees nothing any more"),),
        "camera.moved": (N_("{source} looks elsewhere than it should"),),
        "camera.snow": (N_("The picture of {source} is full of noise"),),
        "camera.colour_cast": (N_("The picture of {source} has wrong colours"),),
        "camera.jumping": (N_("The picture of {source} jumps"),),
        "camera.black": (N_("The picture of {source} is black"),),
        "camera.frozen": (N_("The picture of {source} stands still"),),
        "camera.defocused": (N_("The picture of {source} is out of focus"),),
        "recorder.not_recording": (
            N_("{source} is not being recorded; the last picture is of {newest}"),
            N_("{source} is not being recorded"),
        ),
        "recorder.retention_short": (
            N_("Recordings of {source} go back {kept_days} days, {keep_days} are wanted"),
            N_("Recordings of {source} do not go back far enough"),
        ),
        "recorder.hole": (
            N_("The recording of {source} has a hole on {day}, from {from} to {to}"),
            N_("The recording of {source} has a hole"),
        ),
        "recorder.disk_fault": (
            N_("A disk of {source} is not well: {disks}"),
            N_("A disk of {source} is not well"),
        ),
        "device.clock_drift": (N_("The clock of {source} is off by {off_s} s, {limit_s} s are allowed"),),
        "device.login_refused": (
            N_("{source} refuses the login; nobody tries again before {next_try}"),
            N_("{source} refuses the login"),
        ),
    }
)

HEADLINES_BY_REASON: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("envelope.rejected", "evidence_hash"): (
            N_("{count} pictures of {claimed_box} have another hash than stands in its ledger; nobody is shown them"),
        ),
    }
)

NEXT_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "envelope.rejected/evidence_hash": N_(
            "Next step: if the name is the centre's own, somebody changed a file of its evidence folder: compare it "
            "with a copy. Else a file was changed on the box, or its disk is failing: go and look."
        ),
        "recorder.not_recording": N_("Next step: see that the recorder runs, records this channel and has room."),
    }
)

OVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "presence.loitering": N_("The area is empty again, or somebody else is there"),
        "presence.after_hours": N_("Nobody is there any more"),
        "presence.restricted_area": N_("Nobody is there any more"),
        "presence.post_unattended": N_("Somebody is at the post again"),
        "presence.crowd": N_("There are no longer too many people"),
        "custody.single_person": N_("The door is closed, or two are there again"),
        "custody.left_alone": N_("The door is closed, or two are there again"),
        "custody.unattended": N_("The door is closed, or somebody is there again"),
        "atm.fascia_changed": N_("The fascia looks as it did before"),
        "vehicle.absent": N_("The door is closed, or a vehicle is there"),
        "camera.video_loss": N_("Pictures come again"),
        "camera.covered": N_("The camera sees again"),
        "camera.moved": N_("The camera looks where it should again"),
        "camera.snow": N_("The picture is sound again"),
        "camera.colour_cast": N_("The picture is sound again"),
        "camera.jumping": N_("The picture is sound again"),
        "camera.black": N_("The picture is sound again"),
        "camera.frozen": N_("The picture moves again"),
        "camera.defocused": N_("The picture is sharp again"),
        "recorder.not_recording": N_("It is recorded again"),
        "recorder.retention_short": N_("Recordings go back far enough again"),
        "recorder.disk_fault": N_("The disks are well again"),
        "device.clock_drift": N_("The clock is right again"),
        "device.login_refused": N_("The login is taken again"),
    }
)

ASIDES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "spoken_to": N_("the box spoke to them, and they stayed"),
    }
)

FAMILIES: Final[Mapping[str, str]] = MappingProxyType({"camera": N_("Camera {id}"), "area": N_("Area {id}")})

_FAULTS: Final[Mapping[str, str]] = {
    "covered": N_("covered"),
    "moved": N_("looks elsewhere"),
    "snow": N_("full of noise"),
    "colour_cast": N_("wrong colours"),
    "jumping": N_("jumps"),
    "black": N_("black"),
    "frozen": N_("stands still"),
    "defocused": N_("out of focus"),
}
"""What is wrong with a picture: as the state of a camera, as a mark, and as why its area is not known."""

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "occupied": N_("occupied"),
        "empty": N_("empty"),
        "spoken to": N_("spoken to by the box"),
        "sound": N_("sound"),
        "changed": N_("looks different"),
        "as learned": N_("looks as learned"),
        **_FAULTS,
    }
)
STATES_OF: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("area", "active"): N_("something is wrong there"), ("area", "normal"): N_("in order")}
)

MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "occupied": N_("occupied"),
        **_FAULTS,
        "login_refused": N_("refuses the login"),
        "clock_drift": N_("clock is off"),
        "tamper": N_("says it is tampered with"),
        "signal_loss": N_("says it lost its signal"),
        "no_model": N_("without people model"),
        "no_reference": N_("no reference picture yet"),
        "quiet": N_("quiet"),
        "disk_fault": N_("disk fault"),
        "not_recording": N_("not recording"),
        "retention_short": N_("kept too short"),
        "hole": N_("hole in the recording"),
    }
)
GRAVE_MARKS: Final = frozenset({"covered", "moved", "black", "snow", "frozen", "not_recording", "disk_fault"})
CALM_MARKS: Final = frozenset({"quiet", "occupied"})
"""Marks that need nobody."""

_AMBIGUOUS: Final = {
    "camera": {
        "busy": N_("it has as many sessions as it allows"),
        "too_large": N_("its picture is too large"),
    },
    "evidence": {
        "no_room": N_("there was no room for it"),
        "damaged": N_("it was damaged at the box"),
    },
}
"""Words that mean something else of a camera or a picture than of an order, a walk test or a site file."""
_SPOKEN_OF: Final = {"camera": ("camera", "area", "device"), "evidence": ("evidence",)}

REASONS_OF: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        (family, word): text
        for of, words in _AMBIGUOUS.items()
        for family in _SPOKEN_OF[of]
        for word, text in words.items()
    }
)
"""By the family of the point that it is said of."""

FACT_WORDS_OF: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        **{("cause", word): text for word, text in _AMBIGUOUS["camera"].items()},
        **{("missing", word): text for word, text in _AMBIGUOUS["evidence"].items()},
        ("closed", "armed"): N_("the partition is armed"),
        ("closed", "hours"): N_("the site is closed"),
        ("kind", "still"): N_("picture"),
        ("kind", "clip"): N_("clip"),
        ("kind", "reference"): N_("reference picture"),
        ("measure", "luma_std"): N_("the spread of brightness"),
        ("measure", "noise"): N_("the noise"),
        ("measure", "jumps"): N_("the number of jumps"),
        ("measure", "colour_shift"): N_("the distance of colours"),
        ("measure", "corner_px"): N_("shift of the picture (pixels of 180 rows)"),
        ("measure", "edges_kept"): N_("share of known edges (%)"),
        ("measure", "sharpness"): N_("sharpness against the reference (%)"),
        ("measure", "equal"): N_("share of equal pixels (%)"),
    }
)

TIMES: Final = frozenset({"newest", "oldest", "from", "to", "next_try"})
"""Facts of recorders that are a time on the wire."""

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "unreachable": N_("it cannot be reached"),
        "silent": N_("it takes the connection and sends nothing"),
        "stalled": N_("its pictures stopped"),
        "login_refused": N_("it refuses the login"),
        "not_allowed": N_("it forbids the stream"),
        "not_found": N_("it has no such stream"),
        "refused": N_("the device does not do this"),
        "broken": N_("what it sends is no video"),
        "ended": N_("it ended the stream"),
        "child": N_("the program that looks at it was started anew"),
        "secret": N_("its password is not on the box yet"),
        "evidence_hash": N_("the bytes are not what was sealed"),
        "not described": N_("its description is gone or broken"),
        "unsupported": N_("it cannot do this"),
        "kept_its_days": N_("its days are over"),
        "vehicle": N_("a vehicle"),
        "no newer picture": N_("no newer picture"),
        "says it does not record": N_("it says that it does not record"),
        "records": N_("it records"),
        "a finished day has a gap": N_("a finished day has a gap"),
        "login refused": N_("it refuses the login"),
        "no longer in the site file": N_("no longer in the site file"),
        "hours": N_("the site is closed"),
        **_FAULTS,
    }
)

REASON_FORMS: Final[tuple[tuple[str, str], ...]] = (
    (r"track (?P<track>[0-9]+)", N_("person {track}")),
    (r"people 1", N_("one person")),
    (r"cells 1", N_("one field")),
    (r"people (?P<count>[0-9]+)", N_("{count} people")),
    (r"cells (?P<count>[0-9]+)", N_("{count} fields")),
    (r"clock (?P<seconds>[+-][0-9.]+) s", N_("its clock is off by {seconds} s")),
    (r"disk (?P<disk>\S+) (?P<word>.+)", N_("disk {disk}: {word}")),
    (
        r"(?P<measure>[a-z_]+) (?P<value>[0-9.e+-]+), limit (?P<limit>[0-9.e+-]+)",
        N_("{measure} {value}, limit {limit}"),
    ),
)
