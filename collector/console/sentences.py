"""What is said about events, as data: headlines by kind, words of states, points and reasons.

English message ids of the catalogue with `{named}` places for facts; collector/console/wording.py fills them. The
first template whose places an event's facts can fill is used, so the fullest stands first. Nothing here runs.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from collector.console import centre_sentences, evidence_sentences, eye_sentences, guard_sentences, panel_sentences
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "door.dual_open": (
            N_("Both doors open together for longer than the {tolerance_s} s allowed"),
            N_("Both doors are open together"),
        ),
        "door.dual_open.restored": (N_("After {overlap_s} s the two doors are no longer open together"),),
        "door.emergency_release": (N_("The emergency release was used; both doors are open"),),
        "door.emergency_release.restored": (N_("After {overlap_s} s the emergency opening is over"),),
        "door.forced": (N_("{door} opened without a release, a reader or an exit request"),),
        "door.held_open": (
            N_("{door} stays open for more than {limit_s} s"),
            N_("{door} stays open too long"),
        ),
        "door.held_open.restored": (N_("{door} is closed again after {open_s} s"),),
        "door.key_override": (
            N_("{door} was opened by key; cash area {occupied}"),
            N_("{door} was opened by key while the cash area is occupied"),
        ),
        "device.offline": (
            N_("{source} does not answer ({cause}); its points are unknown"),
            N_("{source} does not answer; its points are unknown"),
        ),
        "device.output_refused": (
            N_("{source} shall be {asked}, but is {reads}"),
            N_("{source} does not follow what it was told"),
        ),
        "device.flutter": (
            N_("{kind}: {count} times within {within_s} s; further ones are held back"),
            N_("{source} chatters; its events are held back"),
        ),
        "device.flutter.restored": (N_("{kind}: quiet again, {held_back} were held back"),),
        "box.silent": (
            N_(
                "Nothing was heard from the box for {silent_s} s, {silent_after_s} s are allowed; "
                "what it guards is unknown"
            ),
            N_("Nothing is heard from the box; what it guards is unknown"),
        ),
        "box.silent.restored": (N_("The box is heard again after {silent_s} s"),),
        "box.clock_fault": (N_("The box's clock is off by {offset_s} s ({cause})"),),
        "link.delayed": (
            N_(
                "Messages of the box are {echo_age_s} s old, {limit_s} s are allowed; somebody may be holding them back"
            ),
            N_("Messages of the box arrive late; somebody may be holding them back"),
        ),
        "link.primary_lost": (
            N_("The first way to the centre is down ({reason})"),
            N_("The first way to the centre is down"),
        ),
        "link.backup_lost": (
            N_("The second way to the centre is down ({reason})"),
            N_("The second way to the centre is down"),
        ),
        "ledger.gap": (
            N_("Events {from} to {to} of the {lane} lane were sent but never arrived"),
            N_("The box says it has sent events that never arrived"),
        ),
        "ledger.fork": (N_("Two boxes speak under one identity; orders to it are refused"),),
        "ledger.rollback": (
            N_("The centre was restored from its backup of {backup_at}; what it wrote itself after that is gone"),
            N_("Events {from} to {to} of the {lane} lane are gone from the box: its store was set back"),
            N_("The box continues behind what it had already sent: its store was set back"),
        ),
        "ledger.shed": (N_("Events {from} to {to} were given up because the disk was full"),),
        "envelope.rejected": (
            N_("{count} messages claiming to come from {claimed_box} were set aside: {reason}"),
            N_("Messages were set aside: {reason}"),
        ),
        "request.answered": (
            N_("The centre had camera {camera} turned to {preset}: {reason}"),
            N_("The centre's request {action}: {reason}"),
        ),
        "order.executed": (N_("The order was carried out: {action}"),),
        "config.refused": (N_("The new site file was refused: {reason}"),),
        "config.drift.restored": (N_("The box works with site file version {version}, as it should"),),
        "enrol.completed": (
            N_("{box} was enrolled for site {site}; its installer must read out the same: {spoken}"),
            N_("{box} was enrolled for site {site} and has its certificate"),
        ),
        "enrol.refused": (N_("{count} tries to enrol {box} for site {site} were refused: {reason}"),),
        "enrol.refused.restored": (N_("Ten minutes after the first refusal: {count} tries in all"),),
        "enrol.code_dead": (N_("The enrolment code of {box} is dead: too many wrong tries"),),
        "certificate.renewed": (N_("{box} has a new certificate for its key"),),
        "certificate.revoked": (N_("The certificate of {box} was revoked; what it sends is set aside"),),
        **guard_sentences.HEADLINES,
        **eye_sentences.HEADLINES,
        **evidence_sentences.HEADLINES,
        **centre_sentences.HEADLINES,
    }
)
HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {**_HEADLINES, **{kind: (*first, *_HEADLINES.get(kind, ())) for kind, first in panel_sentences.HEADLINES.items()}}
)
"""Event kind -> sentences, the first of which is taken that has all its facts."""

HEADLINES_BY_REASON: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("config.drift", "late"): (
            N_("The box works with site file version {version}; it has not taken {wanted_version} in 10 minutes"),
        ),
        ("config.drift", "refused"): (
            N_("The box refuses site file version {wanted_version} ({refused}) and works with version {version}"),
            N_("The box refuses site file version {wanted_version} ({refused})"),
        ),
        ("config.drift", "unknown"): (
            N_("The box works with site file version {version}, which was never delivered to this centre"),
        ),
        ("config.drift", "plain"): (
            N_("The box works with an unsigned site file, though version {wanted_version} is there for it"),
        ),
        ("envelope.rejected", "revoked"): (
            N_(
                "A machine goes on speaking as {claimed_box}, whose certificate was revoked; "
                "what it sends is set aside ({count} messages)"
            ),
        ),
        ("envelope.rejected", "foreign_key"): (
            N_(
                "A machine speaks as {claimed_box} with a valid certificate for another key than that box has; "
                "what it sends is set aside ({count} messages)"
            ),
        ),
        **guard_sentences.HEADLINES_BY_REASON,
        **eye_sentences.HEADLINES_BY_REASON,
        **evidence_sentences.HEADLINES_BY_REASON,
        **centre_sentences.HEADLINES_BY_REASON,
    }
)
"""Where the fact `reason` makes it another story: (kind, reason), tried before HEADLINES."""

NEXT_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ledger.fork": N_(
            "Next step: go to the site and see which machine belongs there. Lock the key of both out: "
            "branchwatch provision revoke {box}. Then make a new box for the site: branchwatch provision replace {site}"
        ),
        "enrol.completed": N_(
            "Next step: if nobody installs a box at this site today, lock it out: branchwatch provision revoke {box}"
        ),
        "enrol.refused": N_(
            "Next step: ask the installer at the site. If nobody is enrolling a box there, somebody is trying codes."
        ),
        "enrol.code_dead": N_(
            "Next step: ask the installer at the site. If he mistyped, make a new code: "
            "branchwatch provision token {site}. If nobody did, somebody is guessing."
        ),
        "envelope.rejected/revoked": N_(
            "Next step: find that machine and switch it off. A site whose box was revoked is guarded again "
            "after branchwatch provision replace."
        ),
        "envelope.rejected/foreign_key": N_(
            "Next step: stop the enrolment and read its record: branchwatch provision audit. Somebody there, or "
            "whoever stole its key, makes certificates. If the box itself is the other machine: "
            "branchwatch provision replace"
        ),
        "config.drift/late": N_(
            "Next step: see that the box is heard and its clock is right; the centre goes on sending the site file."
        ),
        "config.drift/refused": N_(
            "Next step: put right what the box names, build and sign a new version, and deliver it; "
            "or wait, if a device did not answer: it is sent again."
        ),
        "config.drift/unknown": N_(
            "Next step: ask who gave the box this site file. If it is right, deliver the same document to this centre; "
            "if nobody knows of it, treat the provisioning keys as stolen."
        ),
        **eye_sentences.NEXT_STEPS,
        **centre_sentences.NEXT_STEPS,
        "config.drift/plain": N_("Next step: end the box's trial run and start it from its own folder again."),
    }
)
"""What to do about it, by kind, or by kind and reason; places are filled as in headlines."""

OVER: Final[Mapping[str, str]] = MappingProxyType(
    {
        "door.dual_open": N_("The two doors are no longer open together"),
        "door.emergency_release": N_("The emergency opening is over"),
        "door.forced": N_("The forced door is closed again"),
        "door.held_open": N_("The door is closed again"),
        "door.key_override": N_("The opening by key is over"),
        "device.offline": N_("The device answers again"),
        "device.output_refused": N_("The output follows again, or nobody asks for it any more"),
        "box.silent": N_("The box is heard again"),
        "link.delayed": N_("Messages arrive in time again"),
        "link.primary_lost": N_("The first way to the centre is up again"),
        "link.backup_lost": N_("The second way to the centre is up again"),
        "ledger.gap": N_("The missing events have arrived"),
        "config.drift": N_("The box works with the site file that it should have"),
        **guard_sentences.OVER,
        **eye_sentences.OVER,
    }
)
OVER_OTHERWISE: Final = N_("{title}: over")

ASIDES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "while_down": N_("it happened while the box was down"),
        "while_unknown": N_("it happened while the state was unknown"),
        "held_back_s": N_("told late because the point chatters"),
        "coalesced": N_("the same happened {coalesced} times while the store was full"),
        **guard_sentences.ASIDES,
        **eye_sentences.ASIDES,
    }
)
"""Facts that any kind may carry, and what they add to its explanation."""

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "open": N_("open"),
        "closed": N_("closed"),
        "active": N_("active"),
        "normal": N_("normal"),
        "locked": N_("locked"),
        "unlocked": N_("unlocked"),
        "on": N_("on"),
        "off": N_("off"),
        "online": N_("online"),
        "offline": N_("offline"),
        "tamper": N_("tamper"),
        "unknown": N_("unknown"),
        "appeared": N_("was first heard"),
        **eye_sentences.STATES,
        **guard_sentences.STATES,
    }
)

STATES_OF: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("interlock", "active"): N_("both open"),
        ("zone", "active"): N_("triggered"),
        ("release", "active"): N_("pulled"),
        ("exit", "active"): N_("pressed"),
        ("key", "active"): N_("key turned"),
        ("exit", "normal"): N_("not pressed"),
        ("release", "normal"): N_("not pulled"),
        ("key", "normal"): N_("key out"),
        **eye_sentences.STATES_OF,
    }
)
"""(family of the point, state) where the plain word would sound wrong."""

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "door": N_("Door {id}"),
        "interlock": N_("Interlock {id}"),
        "zone": N_("Zone {id}"),
        "lock": N_("Lock of {id}"),
        "exit": N_("Exit button of {id}"),
        "key": N_("Key switch of {id}"),
        "release": N_("Emergency release of {id}"),
        "reader": N_("Reader of {id}"),
        "output": N_("Output {id}"),
        "device": N_("Device {id}"),
        "box": N_("Box {id}"),
        "link": N_("Link {id}"),
        "lane": N_("Lane {id}"),
        **guard_sentences.FAMILIES,
        **eye_sentences.FAMILIES,
        **centre_sentences.FAMILIES,
    }
)

PARTS_OF_DOORS: Final = frozenset({"lock", "exit", "key", "release", "reader"})
"""Families whose points bear the name of their door: what they are is said beside it."""

PANEL_PARTS: Final = panel_sentences.PARTS
FACT_WORDS_OF: Final = MappingProxyType({**guard_sentences.FACT_WORDS_OF, **eye_sentences.FACT_WORDS_OF})
REASONS_OF: Final = MappingProxyType({**eye_sentences.REASONS_OF, **guard_sentences.REASONS_OF})
MARKS: Final = MappingProxyType({**eye_sentences.MARKS, **guard_sentences.MARKS})
DECIDED: Final = eye_sentences.DECIDED
PARTS_OF_BOX: Final = guard_sentences.PARTS_OF_BOX

TIMES: Final = frozenset({"at", "until", "arm_by", "open_by", "opens"}) | eye_sentences.TIMES
"""Facts that are a time on the wire, told in the site's own hours."""

ORDER: Final = (
    *("partition", "door", "interlock", "zone", "release", "lock", "key", "exit", "reader"),
    *("keyswitch", "camera", "area", "output", "device"),
)
"""Families in the order in which a person looks at them."""

FACT_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "urgent": N_("urgent"),
        "routine": N_("routine"),
        "primary": N_("primary"),
        "backup": N_("backup"),
        "active": N_("occupied"),
        "unknown": N_("perhaps occupied"),
        "locked": N_("locked"),
        "unlocked": N_("unlocked"),
        "on": N_("on"),
        "off": N_("off"),
    }
)

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reader release": N_("released by reader"),
        "exit button": N_("released by exit button"),
        "release": N_("its lock was released"),
        "emergency release": N_("by emergency release"),
        "key": N_("by mechanical key"),
        "order": N_("released by order"),
        "walk test": N_("released for a walk test"),
        "outer not closed": N_("while the other door was not closed"),
        "pulse": N_("a short pulse"),
        "short": N_("its wire is shorted"),
        "open": N_("its wire is cut"),
        "band": N_("its value is in no band"),
        "case": N_("its case was opened"),
        "not read yet": N_("not read yet"),
        "not watched by this version": N_("not watched by this version"),
        "cannot be connected": N_("cannot be connected"),
        "answer is garbled": N_("its answer is garbled"),
        "answer without a request": N_("answer without a request"),
        "answer is not Modbus TCP": N_("answer is not Modbus TCP"),
        "answer to another request": N_("answer to another request"),
        "bytes behind the answer": N_("bytes behind the answer"),
        "exception 1: illegal function": N_("illegal function"),
        "exception 2: illegal address": N_("illegal address"),
        "exception 3: illegal value": N_("illegal value"),
        "exception 4: device failure": N_("device failure"),
        "exception 6: device busy": N_("device busy"),
        "no longer in the site file": N_("no longer in the site file"),
        "stepped": N_("it was set while running"),
        "behind": N_("it stands behind the last confirmed time"),
        "offset": N_("it differs from the centre's time"),
        "bad_topic": N_("no topic of a box"),
        "too_large": N_("too large"),
        "malformed": N_("malformed"),
        "wrong_type": N_("sealed as something else"),
        "unknown_key": N_("unknown key"),
        "bad_signature": N_("wrong signature"),
        "foreign_box": N_("signed by another box"),
        "foreign_site": N_("speaks for another site"),
        "foreign_key": N_("another key than this box has"),
        "foreign_collector": N_("of another collector"),
        "unknown_collector": N_("unknown collector"),
        "certificate_expired": N_("certificate expired"),
        "untrusted": N_("certificate not trusted"),
        "revoked": N_("certificate revoked"),
        "not_yet_valid": N_("certificate not yet valid"),
        "rate": N_("more than one box may send"),
        "not_stored": N_("not stored by the centre"),
        "certificate_malformed": N_("certificate malformed"),
        "certificate_untrusted": N_("certificate not trusted"),
        "certificate_wrong_name": N_("certificate of another name"),
        "certificate_wrong_role": N_("certificate of another role"),
        "certificate_not_yet_valid": N_("certificate not yet valid"),
        "certificate_revoked": N_("certificate revoked"),
        "unknown_head": N_("it signs for events that the box does not have"),
        "no_roster": N_("no list of persons is set up at the box"),
        "repeated": N_("it came before"),
        "served": N_("done"),
        "stale": N_("too old"),
        "too_soon": N_("asked again too soon"),
        "unknown_action": N_("not known to the box"),
        "time_past_certificate": N_("it names a time after its certificate's end"),
        "damaged_on_disk": N_("events were damaged on the disk"),
        "damaged": N_("the stored site bundle is damaged"),
        "secret_pending": N_("its password is not sealed to the box yet"),
        "write was not echoed": N_("the device did not confirm the writing"),
        "code_wrong": N_("wrong code"),
        "code_used": N_("the code was used before"),
        "code_expired": N_("the code has expired"),
        "code_dead": N_("the code is dead"),
        "site_wrong": N_("the code is for another site or box"),
        "box_known": N_("the box is known with another key"),
        "box_unknown": N_("the box is not known there"),
        "not_readmitted": N_("its certificate has ended and nobody gave leave to renew it"),
        "too_many": N_("too many tries"),
        "key_not_pinned": N_("signed with a key that the box does not obey"),
        "other_box": N_("made for another box"),
        "other_site": N_("made for another site"),
        "older_version": N_("older than the one in force"),
        "same_version_other_content": N_("the same version with other content"),
        "settings_wrong": N_("its settings are wrong"),
        "secret_missing": N_("a secret is missing in it"),
        "secret_not_ours": N_("a secret in it is not sealed to the box's key"),
        "signed_twice": N_("signed twice by one person"),
        "foreign_certificate": N_("a signature does not belong to the certificate beside it"),
        "no_room": N_("the box's disk is full"),
        "needs_two_signatures": N_("a second signature is missing"),
        "device_silent": N_("a new device does not answer"),
        "exception of wrong length": N_("the device refuses without a reason"),
        **eye_sentences.REASONS,
        **guard_sentences.REASONS,
        **panel_sentences.REASONS,
        **evidence_sentences.REASONS,
    }
)
"""Reasons of `because` rows and causes of unknown points; a word that is not here is shown as it came."""

REASON_FORMS: Final[tuple[tuple[str, str], ...]] = (
    (r"machine (?P<machine>[0-9a-f]{16}), run (?P<run>[0-9a-f]{8})[0-9a-f]{24}", N_("machine {machine}, run {run}")),
    (r"run (?P<run>[0-9a-f]{8})[0-9a-f]{24}", N_("run {run}")),
    (r"(?P<door>[a-z0-9-]+) not closed", N_("while {door} was not closed")),
    (r"no answer within (?P<seconds>[0-9.]+) s", N_("no answer within {seconds} s")),
    (r"answer of function (?P<function>[0-9]+)", N_("answer to another function ({function})")),
    (
        r"answer has (?P<count>[0-9]+) (?:bytes|values), not (?P<wanted>[0-9]+)",
        N_("answer of wrong length ({count}, not {wanted})"),
    ),
    (r"exception (?P<code>[0-9]+)(?:: .*)?", N_("the device refuses (exception {code})")),
    (r"answer of unit (?P<unit>[0-9]+)", N_("answer of another unit ({unit})")),
    (r"(?P<kind>[a-z]+[.][a-z_.]+|[0-9]) (?P<point>[a-z0-9/-]+)", N_("because of {point}: {kind}")),
    *panel_sentences.REASON_FORMS,
    *eye_sentences.REASON_FORMS,
)
"""Reasons with a value inside: a pattern for the whole reason, and what is said."""
