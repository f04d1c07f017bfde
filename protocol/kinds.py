"""The catalogue of event kinds: class, level, lane, nearest Contact ID code, and one line of explanation each.

Data only. `title` and `explanation` are English message ids of the text catalogue (protocol/texts). Contact ID
codes are those of SIA DC-05, used when an alarm is forwarded to a receiver of another maker.
"""
# ruff: noqa: E501  a row of the catalogue is a row

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class EventClass(StrEnum):
    """What an event is about, apart from how grave it is."""

    SECURITY = "security"  # breaks through storms, shelving and maintenance, whatever its level
    INTEGRITY = "integrity"  # the proof itself
    ACCESS = "access"  # people arming, ordering, entering
    FAULT = "fault"  # equipment
    TEST = "test"  # walk tests and line tests


class Lane(StrEnum):
    """The two ledgers of a box: a hold-up never waits behind a week's backlog."""

    URGENT = "urgent"
    ROUTINE = "routine"


RESTORED: Final = ".restored"
OPENED: Final = "ledger.opened"
"""The first event of a run in either lane (WIRE 2.2): the one kind that belongs to both."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of event. `level` is the default, 1 (gravest) to 5; a site may change it, never the lane."""

    name: str
    level: int
    event_class: EventClass
    cid: int | None
    lane: Lane
    title: str
    explanation: str


class UnknownKindError(LookupError):
    """The peer named a kind of event that the catalogue does not have."""


def kind_of(name: str) -> Kind:
    """The catalogue's entry for a kind or for its restore.

    Raises:
        UnknownKindError: neither is in the catalogue.
    """
    try:
        return KINDS[name.removesuffix(RESTORED)]
    except KeyError:
        raise UnknownKindError(name) from None


def is_known(name: str) -> bool:
    """Whether the catalogue has this kind, or the kind that this restores."""
    return name.removesuffix(RESTORED) in KINDS


def lane_of(name: str) -> Lane:
    """The lane of a kind; a restore travels in the lane of what it ends (WIRE 2.3)."""
    return kind_of(name).lane


def is_restore(name: str) -> bool:
    """Whether this is the end of a condition."""
    return name.endswith(RESTORED)


_SECURITY, _INTEGRITY, _ACCESS, _FAULT, _TEST = EventClass
_ROUTINE_BOOK_KEEPING: Final = frozenset({"ledger.mark", "ledger.shed"})  # WIRE 2.4 puts both in the routine lane
_URGENT_FAMILIES: Final = ("order.", "partition.", "link.", "ledger.")  # WIRE 2.1; DOMAIN calls commands orders


def _lane(name: str, level: int) -> Lane:
    if name in _ROUTINE_BOOK_KEEPING:
        return Lane.ROUTINE
    return Lane.URGENT if level <= 2 or name.startswith(_URGENT_FAMILIES) else Lane.ROUTINE


_ROWS: Final[tuple[tuple[str, int, EventClass, int | None, str, str], ...]] = (
    # doors
    ("door.dual_open", 2, _SECURITY, 423, "Both interlock doors open", "Both doors of an interlock were open at once for longer than its tolerance."),
    ("door.emergency_release", 3, _FAULT, 426, "Interlock emergency release", "Both doors are open because the emergency release was used."),
    ("door.forced", 2, _SECURITY, 423, "Door forced", "A door opened with no release, reader or exit request before it."),
    ("door.held_open", 4, _FAULT, 426, "Door held open", "A door stays open longer than its limit."),
    ("door.key_override", 3, _SECURITY, 422, "Opened by key while occupied", "A door was opened by mechanical key while the cash area is occupied."),
    ("door.tailgating", 3, _SECURITY, 422, "Tailgating", "More people passed a door than were released."),
    ("door.unlocked", 5, _ACCESS, 422, "Door released", "A door was released by order, reader or button."),
    # custody and vault
    ("custody.single_person", 1, _SECURITY, 133, "One person alone at custody", "The vault is open or an ATM is being loaded with one person present for longer than the grace."),
    ("custody.unattended", 1, _SECURITY, 133, "Custody unattended", "A custody door is open and nobody is there."),
    ("custody.left_alone", 1, _SECURITY, 133, "Left alone at custody", "Two entered, one left, and the door is still open."),
    ("vault.out_of_hours", 1, _SECURITY, 133, "Vault used out of hours", "A vault door or time lock was used outside its window."),
    # zones
    ("zone.intrusion", 2, _SECURITY, 130, "Intrusion", "An armed intrusion zone was violated."),
    ("zone.hold_up", 1, _SECURITY, 120, "Hold-up", "A panic button was pressed; it latches until reset by hand."),
    ("zone.duress", 1, _SECURITY, 121, "Duress", "A duress code was used; nothing at the site may show it."),
    ("zone.fire", 1, _SECURITY, 110, "Fire", "A fire zone was triggered."),
    ("zone.vibration", 2, _SECURITY, 133, "Vibration", "A vibration zone was triggered."),
    ("zone.glass_break", 2, _SECURITY, 131, "Glass broken", "A glass-break zone was triggered."),
    ("zone.tamper", 2, _SECURITY, 137, "Zone tamper", "A zone's tamper contact opened, armed or not."),
    ("zone.trouble", 4, _FAULT, 380, "Zone trouble", "A zone's wiring or detector is faulty."),
    ("zone.bypassed", 5, _FAULT, 570, "Zone bypassed", "A zone was taken out of a partition's guard."),
    ("zone.swinger_shutdown", 4, _FAULT, 575, "Zone shut down for repeating", "A zone was shut down because it kept repeating."),
    # partitions
    ("partition.armed", 5, _ACCESS, 401, "Armed", "A partition was armed: who, where from, which points were bypassed."),
    ("partition.disarmed", 5, _ACCESS, 401, "Disarmed", "A partition was disarmed: who and where from."),
    ("partition.late_to_close", 3, _ACCESS, 454, "Not armed in time", "A partition was not armed by the hour it should be."),
    ("partition.arm_failed", 3, _ACCESS, 455, "Arming failed", "A partition could not be armed."),
    ("partition.early_to_open", 3, _ACCESS, 451, "Disarmed too early", "A partition was disarmed before its hour."),
    ("partition.arming_soon", 5, _ACCESS, None, "Arms by itself soon", "A partition will be armed by the box itself in a few minutes."),
    ("partition.failed_to_open", 4, _ACCESS, 453, "Not disarmed in time", "A partition was not disarmed by its hour."),
    # presence and vehicles
    ("presence.loitering", 3, _SECURITY, 130, "Loitering", "A person stays in a watched zone past its time."),
    ("presence.after_hours", 2, _SECURITY, 130, "Person after hours", "A person is where nobody may be."),
    ("presence.restricted_area", 2, _SECURITY, 130, "Customer in staff area", "A customer is in the staff area."),
    ("presence.post_unattended", 4, _FAULT, None, "Post unattended", "Nobody is at a post that must be manned."),
    ("presence.crowd", 4, _FAULT, None, "Crowd", "More people are in a zone than its limit."),
    ("vehicle.bay", 5, _FAULT, None, "Cash truck in bay", "A vehicle stopped in, or left, the cash-truck bay."),
    ("vehicle.absent", 3, _FAULT, None, "No cash truck", "Cash is handed over with no truck in the bay."),
    ("duty.understaffed", 3, _FAULT, None, "Desk understaffed", "Fewer than two people are on duty at the desk."),
    # ATMs
    ("atm.safe_open", 1, _SECURITY, 133, "ATM safe open", "An ATM's safe door is open."),
    ("atm.fascia_changed", 2, _SECURITY, 137, "ATM fascia changed", "Something is stuck on or mounted to an ATM's fascia."),
    ("atm.vibration", 1, _SECURITY, 133, "ATM vibration", "An ATM's body is under attack."),
    ("atm.out_of_service", 4, _FAULT, 380, "ATM out of service", "An ATM is out of service."),
    ("atm.cash_low", 5, _FAULT, 380, "ATM cash low", "An ATM runs short of cash."),
    ("atm.offline", 4, _FAULT, 380, "ATM offline", "An ATM does not answer."),
    # cameras and recorders
    ("camera.video_loss", 3, _FAULT, 380, "Video loss", "A camera sends no picture."),
    ("camera.covered", 2, _SECURITY, 137, "Camera covered", "A camera's view is covered."),
    ("camera.moved", 3, _SECURITY, 137, "Camera moved", "A camera no longer looks where it should."),
    ("camera.snow", 4, _FAULT, 380, "Picture with noise", "A camera's picture is full of noise."),
    ("camera.colour_cast", 4, _FAULT, 380, "Colour cast", "A camera's picture has wrong colours."),
    ("camera.jumping", 4, _FAULT, 380, "Picture jumps", "A camera's picture jumps irregularly."),
    ("camera.black", 4, _FAULT, 380, "Black picture", "A camera's picture has no light."),
    ("camera.frozen", 4, _FAULT, 380, "Frozen picture", "A camera's picture does not change."),
    ("camera.defocused", 4, _FAULT, 380, "Picture out of focus", "A camera's picture is not sharp."),
    ("recorder.not_recording", 2, _FAULT, 380, "Not recording", "The last recorded picture is too old."),
    ("recorder.retention_short", 3, _FAULT, 380, "Recordings kept too short", "The oldest recorded picture is too young."),
    ("recorder.hole", 4, _FAULT, 380, "Hole in recording", "A recording has a hole in the middle."),
    ("recorder.disk_fault", 3, _FAULT, 380, "Recorder disk fault", "A recorder reports a faulty disk."),
    # devices and the box itself
    ("device.offline", 4, _FAULT, 380, "Device offline", "A device does not answer; its points are unknown."),
    ("device.clock_drift", 3, _FAULT, 380, "Device clock drift", "A device's clock is off by more than its limit."),
    ("device.login_refused", 4, _FAULT, 380, "Device refuses login", "A device refuses the configured login."),
    ("device.output_refused", 3, _FAULT, 320, "Output does not follow", "A lock or siren was told to switch and does not: its module refuses, or it is stuck."),
    ("device.flutter", 4, _FAULT, 380, "Point flutters", "A point chatters; its events are limited until it is quiet."),
    ("calendar.unknown", 4, _FAULT, None, "Calendar unknown", "There is no working-day calendar for the year."),
    ("box.started", 5, _INTEGRITY, None, "Box started", "The agent of a box started."),
    ("box.memory_lost", 3, _INTEGRITY, None, "Memory lost", "A box could not read what it remembered of the run before; it stands armed where it was."),
    ("box.mains_lost", 3, _FAULT, 301, "Mains lost", "The box runs on battery."),
    ("box.battery_low", 3, _FAULT, 302, "Battery low", "The box's battery is nearly empty."),
    ("box.tamper", 2, _SECURITY, 137, "Box tamper", "The box's case was opened."),
    ("box.disk_low", 4, _FAULT, None, "Box disk low", "The box's store is nearly full."),
    ("box.overheated", 4, _FAULT, None, "Box overheated", "The box is too hot."),
    ("box.clock_fault", 3, _FAULT, None, "Box clock fault", "The box's clock cannot be believed."),
    ("box.certificate_expiring", 4, _FAULT, None, "Certificate expiring", "The box's certificate ends soon."),
    ("box.silent", 2, _FAULT, 354, "Box silent", "Nothing was heard from a box for longer than its limit."),
    ("link.primary_lost", 3, _FAULT, 350, "Primary link lost", "The first way to the centre is down."),
    ("link.backup_lost", 3, _FAULT, 350, "Backup link lost", "The second way to the centre is down."),
    ("link.delayed", 2, _FAULT, 350, "Link delayed", "What a box sends arrives late: somebody may be holding it back."),
    # the centre's own
    ("incident.link", 2, _FAULT, 350, "Unit cut off", "Many branches of one unit lost their link at once."),
    ("incident.power", 2, _FAULT, 301, "Unit without power", "Many branches of one unit lost the mains at once."),
    ("escalation.broken", 2, _INTEGRITY, None, "Escalation broken", "An open alarm has no next step, or nobody whom it would tell can be reached."),
    ("receiver.lost", 2, _FAULT, 350, "Receiver not reached", "A police or third-party receiver does not answer."),
    ("collector.silent", 3, _FAULT, 350, "Collector not there", "One of several collectors of the centre is gone, or was ended and not started again."),
    # the proof's own book-keeping
    ("ledger.gap", 2, _INTEGRITY, None, "Events missing", "A box says it has sent events that never arrived."),
    ("ledger.fork", 1, _INTEGRITY, None, "Two histories under one identity", "Two histories exist under one identity: a box was cloned."),
    ("ledger.rollback", 2, _INTEGRITY, None, "Store set back", "A box continues from a place behind what it had already sent."),
    ("ledger.opened", 5, _INTEGRITY, None, "Run opened", "A new run continues the ledger."),
    ("ledger.mark", 5, _INTEGRITY, None, "Urgent head marked", "The routine lane notes where the urgent lane stands."),
    ("ledger.shed", 5, _INTEGRITY, None, "Routine events shed", "Routine events were given up because the disk was full; the hole is counted and signed."),
    ("envelope.rejected", 2, _INTEGRITY, None, "Envelope rejected", "A message failed a check and was set aside."),
    ("evidence.sealed", 5, _INTEGRITY, None, "Evidence sealed", "A picture or clip of an event was sealed by its hash."),
    ("evidence.damaged", 2, _INTEGRITY, None, "Evidence damaged", "A sealed picture or clip was changed at the box before the centre had it, or is gone."),
    ("config.applied", 5, _INTEGRITY, None, "Configuration applied", "A box works with a new site file."),
    ("config.refused", 3, _INTEGRITY, None, "Configuration refused", "A box kept its old site file and says why."),
    ("config.drift", 3, _INTEGRITY, None, "Configuration drift", "A box works with another site file than it should."),
    ("config.stale", 3, _INTEGRITY, None, "Configuration stale", "A box's roster is past its date or older than an order needs."),
    ("enrol.completed", 3, _INTEGRITY, None, "Box enrolled", "A box received its certificate."),
    ("enrol.refused", 3, _INTEGRITY, None, "Enrolment refused", "An enrolment was refused."),
    ("enrol.code_dead", 3, _INTEGRITY, None, "Enrolment code dead", "Wrong tries used up an enrolment code; a new one is needed."),
    ("certificate.renewed", 5, _INTEGRITY, None, "Certificate renewed", "A box works with a new certificate for its key."),
    ("certificate.revoked", 5, _INTEGRITY, None, "Certificate revoked", "A certificate was revoked."),
    # orders and tests
    ("order.executed", 5, _ACCESS, None, "Order executed", "A box carried out an order."),
    ("order.refused", 3, _ACCESS, None, "Order refused", "A box refused an order and says why."),
    ("request.answered", 5, _ACCESS, None, "Request answered", "A box did what the centre asked, or says why not."),
    ("test.started", 5, _TEST, 607, "Test started", "A test of points began."),
    ("test.point", 5, _TEST, 611, "Point tested", "A point was triggered during a test."),
    ("test.finished", 5, _TEST, 602, "Test finished", "A test ended."),
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        name: Kind(
            name=name,
            level=level,
            event_class=event_class,
            cid=cid,
            lane=_lane(name, level),
            title=title,
            explanation=explanation,
        )
        for name, level, event_class, cid, title, explanation in _ROWS
    }
)
