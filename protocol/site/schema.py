"""The site file as types (INTERFACES section 2). Shapes and single values only; `checks.py` judges the whole.

Frozen: a `Site` that `read_site` returned is valid. Defaults come from the template.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from protocol.ids import ID_PATTERN, SOURCE_PATTERN
from protocol.site.defaults import OUTLET_SMALL
from protocol.site.modbus import IoModule, RegisterText
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

Id = Annotated[str, Meta(pattern=ID_PATTERN, description=N_("made of a-z, 0-9 and -, at most 32 characters"))]
Name = Annotated[str, Meta(max_length=64)]
Address = Annotated[str, Meta(min_length=1, max_length=255)]
FilePath = Annotated[str, Meta(min_length=1, max_length=512)]
Bit = Literal[0, 1]
Hours = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$",
        description=N_('hours from opening to closing, like "08:30-17:00"'),
    ),
]
ClockTime = Annotated[str, Meta(pattern=r"^[0-9]{2}:[0-9]{2}$", description=N_('a time of day, like "18:00"'))]
RecorderChannel = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}/[1-9][0-9]{0,2}$", description=N_('recorder/channel, like "nvr1/3"'))
]
Fraction = Annotated[float, Meta(ge=0, le=1)]


class ZoneType(StrEnum):
    """How a zone is judged."""

    INSTANT = "instant"
    DELAYED = "delayed"
    PERIMETER = "perimeter"
    INTERIOR = "interior"
    ALWAYS = "24-hour"
    HOLD_UP = "hold-up"
    FIRE = "fire"
    TAMPER = "tamper"
    VIBRATION = "vibration"
    GLASS_BREAK = "glass-break"


class SecretName(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a secret that is kept elsewhere."""

    secret: Id


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """When the site is open, in its own time zone."""

    weekdays: Hours | None = None
    weekends: Hours | None = None
    arm_by: ClockTime | None = None


class Centre(msgspec.Struct, frozen=True, kw_only=True):
    """How the box reaches its centre; paths are relative to the site file, and an enrolled box needs none."""

    box: Id
    brokers: Annotated[tuple[Address, ...], Meta(min_length=1, max_length=2)]  # host:port, tried in turn
    enrolment: Address | None = None  # host:port of `branchwatch provision serve`
    ca: FilePath | None = None  # whom the broker's certificate must come from
    certificate: FilePath | None = None  # the box's own chain
    key: FilePath | None = None
    trust: FilePath | None = None  # the root that receipts are checked against


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """A door with a contact, and what locks, releases and opens it."""

    id: Id
    contact: RegisterText
    closed: Bit  # the contact's bit while the door is closed
    name: Name = ""
    contact_counter: RegisterText | None = None
    contact_latch: RegisterText | None = None
    debounce: timedelta = OUTLET_SMALL.debounce
    lock: RegisterText | None = None
    lock_energised: Literal["locked", "unlocked"] | None = None
    release_for: timedelta = OUTLET_SMALL.release_for
    exit_button: RegisterText | None = None
    exit_button_active: Bit = 1
    mechanical_key: RegisterText | None = None
    mechanical_key_active: Bit = 1
    request_grace: timedelta = OUTLET_SMALL.request_grace
    held_open_after: timedelta | None = None


class Interlock(msgspec.Struct, frozen=True, kw_only=True):
    """Doors of which one at most may be open (防尾随联动门)."""

    id: Id
    doors: Annotated[tuple[Id, ...], Meta(min_length=2, max_length=4)]
    name: Name = ""
    tolerance: timedelta = OUTLET_SMALL.tolerance
    emergency_release: RegisterText | None = None
    emergency_release_active: Bit = 1
    occupied_by: (
        Annotated[str, Meta(pattern=SOURCE_PATTERN, description=N_('a zone, like "zone/cash-motion"'))] | None
    ) = None


class Siren(msgspec.Struct, frozen=True, kw_only=True):
    """A sounder and the kinds of event that start it."""

    id: Id
    output: RegisterText
    on: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(min_length=1, max_length=64)]
    name: Name = ""
    sound_for: timedelta = OUTLET_SMALL.sound_for


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """An intruder alarm panel that dials us."""

    id: Id
    protocol: Literal["dc09"]
    account: Annotated[str, Meta(pattern=r"^[0-9A-F]{3,16}$", description=N_("3 to 16 digits or A-F"))]
    key: SecretName | None = None
    name: Name = ""


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm point with a type, on a panel or on an I/O module."""

    id: Id
    type: ZoneType
    input: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9-]{0,31}/(di|zone)/(0|[1-9][0-9]{0,4})$",
            description=N_('a module\'s input or a panel\'s zone, like "io1/di/7" or "p1/zone/3"'),
        ),
    ]
    name: Name = ""
    active: Bit = 1  # the input's bit while the zone is violated; modules only
    debounce: timedelta = OUTLET_SMALL.debounce
    input_counter: RegisterText | None = None
    input_latch: RegisterText | None = None


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """Zones that are armed together."""

    id: Id
    kind: Literal["general", "cash", "vault", "atm_service"]  # all but general need two people to disarm remotely
    zones: Annotated[tuple[Id, ...], Meta(min_length=1)]
    name: Name = ""
    exit_delay: timedelta = timedelta(seconds=60)
    entry_delay: timedelta = timedelta(seconds=30)


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """A video recorder and how long it must keep pictures."""

    id: Id
    address: Address
    login: SecretName
    name: Name = ""
    keep: timedelta = OUTLET_SMALL.keep


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera and what is watched in its picture."""

    id: Id
    address: Address
    login: SecretName
    name: Name = ""
    recorder: RecorderChannel | None = None
    watch: Annotated[tuple[Literal["picture", "people"], ...], Meta(max_length=2)] = ()


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a camera's picture and the rule for people in it."""

    id: Id
    camera: Id
    polygon: Annotated[tuple[tuple[Fraction, Fraction], ...], Meta(min_length=3, max_length=64)]
    name: Name = ""
    two_people_while: Id | None = None
    grace: timedelta = timedelta(seconds=10)
    loitering_after: timedelta | None = None


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One site file. The limits of its lists together stay below the points that a birth carries (MAX_POINTS)."""

    id: Id
    name: Name
    unit: Annotated[str, Meta(min_length=1, max_length=255)]
    timezone: Annotated[str, Meta(max_length=64)]
    template: Annotated[str, Meta(max_length=64)] = "outlet-small"
    key_site: bool = False
    silent_after: timedelta | None = None
    opening: Opening | None = None
    centre: Centre | None = None
    io: Annotated[tuple[IoModule, ...], Meta(max_length=32)] = ()
    door: Annotated[tuple[Door, ...], Meta(max_length=256)] = ()
    interlock: Annotated[tuple[Interlock, ...], Meta(max_length=64)] = ()
    siren: Annotated[tuple[Siren, ...], Meta(max_length=32)] = ()
    panel: Annotated[tuple[Panel, ...], Meta(max_length=16)] = ()
    zone: Annotated[tuple[Zone, ...], Meta(max_length=400)] = ()
    partition: Annotated[tuple[Partition, ...], Meta(max_length=32)] = ()
    recorder: Annotated[tuple[Recorder, ...], Meta(max_length=32)] = ()
    camera: Annotated[tuple[Camera, ...], Meta(max_length=128)] = ()
    area: Annotated[tuple[Area, ...], Meta(max_length=128)] = ()

    @property
    def beat_every(self) -> timedelta:
        """WIRE 2.8: every 5 s at key sites, 15 s elsewhere."""
        return timedelta(seconds=5 if self.key_site else 15)

    @property
    def silent_limit(self) -> timedelta:
        """WIRE 2.8: silent after 3.5 beats, or after what the site file asks."""
        return self.silent_after or 3.5 * self.beat_every
