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
ClockTime = Annotated[
    str, Meta(pattern=r"^[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", description=N_('a time of day, like "18:00"'))
]
Day = Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description=N_('a date, like "2026-12-31"'))]
PanelArea = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9-]{0,31}/area/(0|[1-9][0-9]{0,2})$",
        description=N_('a panel and its area, like "p1/area/1"'),
    ),
]
RecorderChannel = Annotated[
    str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}/[1-9][0-9]{0,2}$", description=N_('recorder/channel, like "nvr1/3"'))
]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Value = Annotated[int, Meta(ge=0, le=65535)]
Band = tuple[Value, Value]


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


class Principle(StrEnum):
    """How a detector detects: two of different principle confirm each other."""

    MAGNETIC = "magnetic"
    INFRARED = "infrared"
    MICROWAVE = "microwave"
    GLASS = "glass"
    VIBRATION = "vibration"
    SOUND = "sound"
    BEAM = "beam"
    OTHER = "other"


class SecretName(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a secret that is kept elsewhere."""

    secret: Id


class OpeningException(msgspec.Struct, frozen=True, kw_only=True):
    """One `[[opening.exception]]`: a day with hours of its own, or closed where it names none."""

    date: Day
    hours: Hours | None = None
    arm_by: ClockTime | None = None


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """When the site is open, in its own time zone, by the calendar's days; closed where no hours are named."""

    weekdays: Hours | None = None  # Monday to Friday, and working weekends
    weekends: Hours | None = None
    holidays: Hours | None = None  # public holidays
    arm_by: ClockTime | None = None  # not armed by then: late to close
    open_by: ClockTime | None = None  # not disarmed by then: failed to open
    early: timedelta = timedelta(minutes=30)  # disarmed so long before opening is no early opening yet
    auto_arm: ClockTime | None = None  # the box arms by itself, on every day
    auto_arm_warning: timedelta = timedelta(minutes=10)
    exception: Annotated[tuple[OpeningException, ...], Meta(max_length=400)] = ()


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """`[calendar]`: what corrects the working days that the program knows of itself."""

    country: Literal["CN", "none"] = "CN"  # none: Monday to Friday, no holidays
    holidays: Annotated[tuple[Day, ...], Meta(max_length=400)] = ()
    working: Annotated[tuple[Day, ...], Meta(max_length=400)] = ()  # weekend days that are worked
    years: Annotated[tuple[Annotated[int, Meta(ge=2000, le=2200)], ...], Meta(max_length=20)] = ()
    """Years for which both lists say everything."""


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """`[receiver]`: where the box listens for panels that dial it (SIA DC-09, TCP and UDP)."""

    listen: Address


class Centre(msgspec.Struct, frozen=True, kw_only=True):
    """How the box reaches its centre; paths are relative to the site file, and an enrolled box needs none."""

    box: Id
    brokers: Annotated[tuple[Address, ...], Meta(min_length=1, max_length=2)]  # host:port, tried in turn
    enrolment: Address | None = None  # host:port of `branchwatch provision serve`
    evidence: Address | None = None  # host:port where pictures and clips are taken; none: they stay on the box
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
    partition: Id | None = None  # whose people must approve a remote unlock
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


class Buzzer(msgspec.Struct, frozen=True, kw_only=True):
    """A buzzer that sounds through exit and entry delays and before the box arms by itself."""

    id: Id
    output: RegisterText
    name: Name = ""
    partitions: Annotated[tuple[Id, ...], Meta(max_length=32)] = ()  # none named: all


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """An output that people switch by order: light, fog, barrier. No lock, no siren."""

    id: Id
    output: RegisterText
    name: Name = ""


class Keyswitch(msgspec.Struct, frozen=True, kw_only=True):
    """A key switch that arms and disarms partitions at the site; never alone disarms those that need two people."""

    id: Id
    input: RegisterText
    partitions: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=32)]
    name: Name = ""
    active: Bit = 1
    acts: Literal["toggle", "level"] = "toggle"  # each turn changes over; or armed while active
    debounce: timedelta = OUTLET_SMALL.debounce


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A person's code for `branchwatch agent arm` and `disarm`; the secret holds its hashes (docs/guarding.md)."""

    person: Id
    secret: SecretName
    partitions: Annotated[tuple[Id, ...], Meta(max_length=32)] = ()  # none named: all
    hours: Hours | None = None


class Loudspeaker(msgspec.Struct, frozen=True, kw_only=True):
    """`[loudspeaker]`: the sound device of the box's own machine."""

    device: Annotated[
        str,
        Meta(pattern=r"^[A-Za-z0-9_.:=,-]{1,128}$", description=N_('the name of a sound device, like "default"')),
    ] = "default"


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """A text that may be announced; spoken by the box, or a sound file on it."""

    id: Id
    text: Annotated[str, Meta(min_length=1, max_length=300)]
    file: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
                description=N_('the name of a WAV file in the box\'s folder announcements, like "leave.wav"'),
            ),
        ]
        | None
    ) = None


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """An intruder alarm panel that dials us."""

    id: Id
    protocol: Literal["dc09"]
    account: Annotated[str, Meta(pattern=r"^[0-9A-F]{3,16}$", description=N_("3 to 16 digits or A-F"))]
    key: SecretName | None = None  # 16, 24 or 32 bytes in hex: AES-128, -192 or -256
    name: Name = ""
    supervision: timedelta | None = None  # not heard of for so long: offline


class Bands(msgspec.Struct, frozen=True, kw_only=True):
    """A supervised loop on an analogue input: which values of the register mean what, both ends included."""

    normal: Band
    alarm: Band
    short: Band
    open: Band


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm point with a type, on a panel or on an I/O module."""

    id: Id
    type: ZoneType
    input: Annotated[
        str,
        Meta(
            pattern=r"^[a-z0-9][a-z0-9-]{0,31}/(di|ir|hr|zone|input)/(0|[1-9][0-9]{0,4})$",
            description=N_('an input of a module, panel or camera, like "io1/di/7", "p1/zone/3" or "03/input/1"'),
        ),
    ]
    name: Name = ""
    active: Bit = 1  # the input's bit while the zone is violated; modules only
    debounce: timedelta = OUTLET_SMALL.debounce
    input_counter: RegisterText | None = None
    input_latch: RegisterText | None = None
    bands: Bands | None = None  # analogue inputs only, and always there
    adjacent: Annotated[tuple[Id, ...], Meta(max_length=16)] = ()  # zones that confirm this one
    principle: Principle | None = None
    swinger_after: Annotated[int, Meta(ge=0, le=20)] = 3  # alarms of one armed period until it is shut down; 0 never


class Partition(msgspec.Struct, frozen=True, kw_only=True):
    """Zones that are armed together."""

    id: Id
    kind: Literal["general", "cash", "vault", "atm_service"]  # all but general need two people to disarm remotely
    zones: Annotated[tuple[Id, ...], Meta(min_length=1)]
    name: Name = ""
    people: Annotated[int, Meta(ge=1, le=4)] | None = None  # more than its kind asks for, never fewer
    follows: PanelArea | None = None  # a panel's opening and closing signals change it too
    scheduled: bool = True  # opening hours count
    confirm_within: timedelta = timedelta(minutes=10)  # a second zone within this time confirms the first
    exit_delay: timedelta = timedelta(seconds=60)
    entry_delay: timedelta = timedelta(seconds=30)


class Recorder(msgspec.Struct, frozen=True, kw_only=True):
    """A video recorder and how long it must keep pictures."""

    id: Id
    address: Address
    login: SecretName
    name: Name = ""
    protocol: Literal["onvif", "hikvision", "dahua"] = "onvif"
    keep: timedelta = OUTLET_SMALL.keep


Point2 = tuple[Fraction, Fraction]
Polygon = Annotated[tuple[Point2, ...], Meta(min_length=3, max_length=64)]
"""Corners as fractions of the picture's width and height, from its upper left."""


class Camera(msgspec.Struct, frozen=True, kw_only=True):
    """A camera and what is watched in its picture."""

    id: Id
    address: Address  # host[:port] of its ONVIF service; for protocol rtsp its rtsp:// address
    login: SecretName
    name: Name = ""
    protocol: Literal["onvif", "rtsp"] = "onvif"
    stream: Annotated[
        str,
        Meta(
            pattern=r"^(sub|main|rtsps?://.{1,500})$", description=N_('"sub", "main" or an address like "rtsp://..."')
        ),
    ] = "sub"
    recorder: RecorderChannel | None = None
    records_on_alarm: Hours | None = None  # its recorder channel records on alarm only in these hours
    watch: Annotated[tuple[Literal["picture", "people"], ...], Meta(max_length=2)] = ()
    shows: Annotated[
        tuple[
            Annotated[str, Meta(pattern=SOURCE_PATTERN, description=N_('what events are about, like "door/vault"'))],
            ...,
        ],
        Meta(max_length=64),
    ] = ()
    mask: Annotated[tuple[Polygon, ...], Meta(max_length=16)] = ()  # never leaves the box unblackened
    events: bool = True  # what the camera itself tells (ONVIF PullPoint)


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a camera's picture and the rules for whoever is in it (docs/eyes.md 3)."""

    id: Id
    camera: Id
    polygon: Polygon
    name: Name = ""
    loitering_after: timedelta | None = None
    speak: Id | None = None  # an announcement that is made before the alarm
    speak_wait: timedelta = timedelta(seconds=30)
    after_hours: bool = False
    partition: Id | None = None  # whose being armed closes the area
    restricted: bool = False
    post_empty_after: timedelta | None = None
    crowd_over: Annotated[int, Meta(ge=1, le=200)] | None = None
    crowd_after: timedelta = timedelta(seconds=10)
    two_people_while: Id | None = None  # a door
    grace: timedelta = timedelta(seconds=10)
    tailgating_at: Id | None = None  # a door
    fascia: bool = False
    bay: bool = False
    truck_while: Id | None = None  # a door


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """`[evidence]`: how much the box keeps of pictures and clips, and how fast it gives them to its centre."""

    disk_gb: Annotated[int, Meta(ge=1, le=2000)] = 20
    keep: timedelta = timedelta(days=90)  # levels 1 to 3
    keep_routine: timedelta = timedelta(days=30)
    before: timedelta = timedelta(seconds=10)
    after: timedelta = timedelta(seconds=20)
    upload_kbps: Annotated[int, Meta(ge=64, le=1_000_000)] = 2000


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
    calendar: Calendar | None = None
    centre: Centre | None = None
    receiver: Receiver | None = None
    loudspeaker: Loudspeaker | None = None
    evidence: Evidence = Evidence()
    io: Annotated[tuple[IoModule, ...], Meta(max_length=32)] = ()
    door: Annotated[tuple[Door, ...], Meta(max_length=256)] = ()
    interlock: Annotated[tuple[Interlock, ...], Meta(max_length=64)] = ()
    siren: Annotated[tuple[Siren, ...], Meta(max_length=32)] = ()
    buzzer: Annotated[tuple[Buzzer, ...], Meta(max_length=16)] = ()
    output: Annotated[tuple[Output, ...], Meta(max_length=64)] = ()
    keyswitch: Annotated[tuple[Keyswitch, ...], Meta(max_length=16)] = ()
    panel: Annotated[tuple[Panel, ...], Meta(max_length=16)] = ()
    zone: Annotated[tuple[Zone, ...], Meta(max_length=400)] = ()
    partition: Annotated[tuple[Partition, ...], Meta(max_length=32)] = ()
    recorder: Annotated[tuple[Recorder, ...], Meta(max_length=32)] = ()
    camera: Annotated[tuple[Camera, ...], Meta(max_length=128)] = ()
    area: Annotated[tuple[Area, ...], Meta(max_length=128)] = ()
    code: Annotated[tuple[Code, ...], Meta(max_length=200)] = ()
    announcement: Annotated[tuple[Announcement, ...], Meta(max_length=64)] = ()

    @property
    def beat_every(self) -> timedelta:
        """WIRE 2.8: every 5 s at key sites, 15 s elsewhere."""
        return timedelta(seconds=5 if self.key_site else 15)

    @property
    def silent_limit(self) -> timedelta:
        """WIRE 2.8: silent after 3.5 beats, or after what the site file asks."""
        return self.silent_after or 3.5 * self.beat_every
