"""An attacker has the whole centre, and an officer is at work: no box disarms, unlocks, bypasses or takes a site file.

He has its database, its signing key, its rights at the broker and the pages that it serves (tests/whole/thief.py), and
whatever the officer approves honestly meanwhile. Each try is asserted with the box's own reason, out of the box's own
ledger, and with the state of the branch itself. What he can do stands at the end, and in SECURITY.md.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from msgspec import to_builtins
from msgspec.structs import replace

from protocol.approvals import sign_key_file, webauthn_approval
from protocol.bundle import Bundle, encode_bundle
from protocol.documents import Signer, claimed_payload, sign_document
from protocol.envelope import EnvelopeType, decode_base64url, encode_base64url
from protocol.messages import Approval, decode_approval, encode
from protocol.orders import join_order, order_digest
from protocol.roster import Right
from protocol.topics import Down
from simulator.model import Door
from tests.approvers import Approver, SecurityKey
from tests.bundles import Bureau
from tests.ledgers import der_chain
from tests.stories.conftest import BuildBank
from tests.waiting import eventually_blocking
from tests.whole.bank import COLLECTOR
from tests.whole.guarded import GuardedBranch
from tests.whole.settings import PersonEntry
from tests.whole.thief import Thief

pytestmark = pytest.mark.timeout(240)
"""Seconds: real processes start and settle, beside whatever else the machine does."""

OFFICER = PersonEntry(id="zhang-wei", roles=("security_officer",), name="张伟")
LEADER = PersonEntry(id="li-na", roles=("shift_leader",), name="李娜")
DESK = "https://desk.bank.example"
FILE = Approver("zhang-wei", 300)
SECOND_FILE = Approver("zhang-wei", 303)
ON_THE_PAGE = Approver(
    "zhang-wei",
    304,
    may=(Right.ARM, Right.ANNOUNCE),
    security_key=SecurityKey(304, rp_id="desk.bank.example", origin=DESK),
    at=DESK,
)
"""The officer's credential of the console's own origin: what the bank gives to one by default (WIRE 4.4)."""
OWN_MACHINE = Approver("li-na", 305, roles=("shift-leader",), security_key=SecurityKey(305))
"""The leader's security key, whose credential is one of localhost."""
THIEF = Approver("thief", 399)


class Scene:
    """The branch, armed; the thief; and what he took while the officer was at work."""

    def __init__(self, branch: GuardedBranch) -> None:
        self.branch = branch
        self.thief = Thief(branch)
        officer, leader = branch.bank.desk_of(OFFICER), branch.bank.desk_of(LEADER)
        arm = branch.draft(officer, "arm", partition="site")
        branch.approve(officer, arm, ON_THE_PAGE)
        assert branch.ended(officer, arm)["state"] == "executed"
        eventually_blocking(self.is_armed, what="the whole branch is armed")
        self.arm_line = decode_base64url(arm["line"].encode())
        """An order that the officer approved on the centre's page, and that was obeyed."""
        half = branch.draft(leader, "disarm", partition="cash")
        branch.approve(leader, half, OWN_MACHINE)
        self.half_line = decode_base64url(half["line"].encode())
        """An order that one of two people approved: the branch is opened tomorrow with it, perhaps."""
        rows = self.thief.sql("SELECT order_id, line FROM approvals")
        stolen = {order: decode_approval(line) for order, line in rows}
        self.arm_approval, self.half_approval = stolen[arm["id"]], stolen[half["id"]]

    def is_armed(self) -> bool:
        """Out of the box's own memory, and from the branch's own locks."""
        armed = self.branch.stages() == {"cash": "armed_away", "hall": "armed_away"}
        return armed and not self.branch.bypassed() and not self.branch.box.branch.now().unlocked

    def refused(self, order: str) -> str:
        """The box's own reason; the branch is as it was."""
        told = self.branch.answer(order)
        assert self.is_armed(), self.branch.stages()
        assert told["kind"] == "order.refused", told
        facts = told["facts"]
        return str(facts["why"] if facts["reason"] == "bad_signature" else facts["reason"])

    def tries(self, line: bytes, *approvals: Approval) -> str:
        """Send an order; why it is refused."""
        return self.refused(self.thief.send(line, *approvals))


@pytest.fixture
def scene(build_bank: BuildBank) -> Scene:
    """A branch in the hands of a thief."""
    bank = build_bank(people=(OFFICER, LEADER), more_boxes=("0755-032-a",))
    officer = Approver(**(vars(FILE) | {"more": (SECOND_FILE.key, ON_THE_PAGE.key)}))
    branch = GuardedBranch(bank, officer, OWN_MACHINE)
    branch.start()
    return Scene(branch)


def test_no_order_of_his_is_obeyed(scene: Scene) -> None:
    """Forged, swapped, replayed, addressed anew, approved for something else, or approved by whoever he likes."""
    thief, tries = scene.thief, scene.tries
    weaken: list[tuple[str, dict[str, Any]]] = [
        ("disarm", {"partition": "hall"}),
        ("disarm", {"partition": "site"}),
        ("unlock", {"door": "outer"}),
        ("bypass", {"zone": "glass-2"}),
        ("reset_latch", {"partition": "cash"}),
    ]
    for action, args in weaken:
        # Nobody approved; the thief signs with the centre's key in the officer's name, or with one of his own.
        assert tries(thief.forge(action, **args)) == "needs_people"
        line = thief.forge(action, **args)
        assert tries(line, _by(thief.private_key, line, FILE)) == "wrong_key"
        line = thief.forge(action, **args)
        assert tries(line, THIEF.approve(line)) == "unknown_person"
        # The page that the officer has open shows "arm" and has this signed.
        line = thief.forge(action, **args)
        assert tries(line, ON_THE_PAGE.approve(line)) == "right_missing"
        # The approval of the arm order that he did give, put behind this.
        assert tries(thief.forge(action, **args), scene.arm_approval) == "other_order"
        line = thief.forge(action, **args)
        assert tries(line, replace(scene.arm_approval, order=json.loads(line)["id"])) == "other_order"
    # The page cannot make a credential of localhost sign: the browser writes the page's own origin into what is signed.
    line = thief.forge("disarm", partition="hall")
    assert OWN_MACHINE.security_key is not None
    framed = OWN_MACHINE.security_key.assertion(order_digest(line), origin=DESK)
    assert tries(line, webauthn_approval(json.loads(line)["id"], "li-na", "li-na-305", framed)) == "wrong_origin"


def test_what_people_approved_serves_nothing_else(scene: Scene) -> None:
    """Bytes swapped under an approval, one of two approvals, orders of before, orders of another box."""
    thief, tries = scene.thief, scene.tries
    half = scene.half_approval
    # One of two people approved: he adds the officer's page, and both keys of that officer.
    assert tries(scene.half_line, half) == "needs_people"
    for change in ((b'"cash"', b'"hall"'), (b'"by":"li-na"', b'"by":"li-xx"')):
        swapped = scene.half_line.replace(*change)
        assert swapped != scene.half_line
        swapped = swapped.replace(half.order.encode(), (fresh := thief.new_id()).encode())
        assert tries(swapped, replace(half, order=fresh)) == "other_order"
    line = thief.forge("disarm", partition="cash")
    both = (FILE.approve(line), SECOND_FILE.approve(line))
    assert tries(line, *both) == "needs_people"
    # The arm order again, later: its id was used; and its bytes under a new id have no approval.
    repeated = scene.branch.events("order.refused")
    thief.send(scene.arm_line, scene.arm_approval)
    eventually_blocking(lambda: len(scene.branch.events("order.refused")) > len(repeated), what="it is refused")
    assert scene.branch.events("order.refused")[-1]["facts"]["reason"] == "repeated"
    # A challenge that is not the box's, or no longer: whatever else is right.
    old = thief.forge("disarm", unlike={"challenge": "AAAAAAAAAAAAAAAAAAAAAA"}, partition="hall")
    assert tries(old, FILE.approve(old)) == "stale"
    # An order that the officer approved for another branch.
    foreign = thief.forge("disarm", unlike={"box": "0755-032-a"}, partition="hall")
    approval = FILE.approve(foreign)
    seen = len(scene.branch.events("envelope.rejected"))
    thief.publish(Down.ORDER, thief.sealer.seal(EnvelopeType.ORDER, join_order(foreign, (encode(approval),))))
    assert _rejected(scene, seen) == "foreign_box"
    readdressed = foreign.replace(b"0755-032-a", thief.box.encode())
    assert tries(readdressed, approval) == "other_order"
    assert scene.is_armed()


def test_the_centre_s_own_checks_protect_nothing(scene: Scene) -> None:
    """He writes himself into the roster that the centre keeps: the centre believes it and sends; the box does not."""
    branch, thief = scene.branch, scene.thief
    thief.put_in_the_roster(to_builtins(THIEF.person))
    officer = branch.bank.desk_of(OFFICER)
    order = branch.draft(officer, "disarm", partition="hall")
    assert THIEF.key.id in {key["id"] for key in order["keys"]}
    assert branch.approve(officer, order, THIEF)["state"] in {"sent", "refused"}  # the box may be quicker
    assert scene.refused(order["id"]) == "unknown_person"
    assert branch.ended(officer, order)["state"] == "refused"
    # The line in the database says "disarm" by the time when the honest approval of "arm" comes.
    arm = branch.draft(officer, "arm", partition="hall")
    line = decode_base64url(arm["line"].encode())
    thief.sql("UPDATE orders SET line = ? WHERE id = ?", line.replace(b'"arm"', b'"disarm"'), arm["id"])
    answer = officer.ask(
        "POST", f"/api/v1/orders/{arm['id']}/approvals", json=json.loads(encode(ON_THE_PAGE.approve(line)))
    )
    assert answer.json()["reason"] == "bad_signature"
    assert scene.tries(line.replace(b'"arm"', b'"disarm"'), ON_THE_PAGE.approve(line)) == "other_order"


def test_no_request_does_what_needs_an_order(scene: Scene) -> None:
    """Requests need no approvals, and so can do nothing; an order in a request's clothes is none."""
    for action in ("disarm", "unlock", "bypass", "site_file"):
        assert _answer(scene, scene.thief.ask(action, partition="hall")) == "unknown_action"
    seen = len(scene.branch.events("envelope.rejected"))
    line = scene.thief.forge("disarm", partition="hall")
    scene.thief.publish(Down.ORDER, scene.thief.sealer.seal(EnvelopeType.REQUEST, line))
    assert _rejected(scene, seen) == "wrong_type"
    assert scene.is_armed()


def test_no_site_file_of_his_is_taken(scene: Scene) -> None:
    """Not his own, not a changed one, not the old one, not another branch's, not one that lacks the second person."""
    branch, thief = scene.branch, scene.thief
    before = thief.challenge()
    newer = branch.document(2, settings={**branch.settings, "name": "河西分理处新址"})
    thief.bring(newer)
    # The box begins anew with it, and hears again once it was heard.
    eventually_blocking(
        lambda: branch.bank.desk.box(thief.box)["config"]["version"] == 2, timeout_s=30, what="version 2"
    )

    own = branch.bureau.roster
    with_thief = replace(own, version=3, people=(*own.people, THIEF.person))
    bundle = branch.bureau.bundle(3, settings=branch.settings, roster=with_thief)
    forged = json.loads(newer)
    changed = json.loads(claimed_payload(newer)) | {"version": 3}
    forged["payload"] = encode_base64url(json.dumps(changed).encode()).decode()
    wrong = [
        ("certificate", Bureau().document(bundle)),  # of an authority of his own
        ("certificate", _signed_by_the_centre(branch, thief, bundle)),
        ("bad_signature", json.dumps(forged).encode()),
        ("older_version", branch.documents[0]),
        ("other_box", branch.document(4, box="0755-032-a")),
        ("needs_two_signatures", branch.bureau.document(bundle, "bureau-1")),
    ]
    for expected, document in wrong:
        seen = len(branch.events("config.refused"))
        thief.bring(document)
        _one_more(branch, "config.refused", seen)
        reason = branch.events("config.refused")[-1]["facts"]["reason"]
        assert reason.startswith(expected), (expected, reason)
        assert _version(scene) == 2
    eventually_blocking(
        lambda: thief.challenge() not in {before, "", "None"},
        timeout_s=20,
        what="the new run's first beat",
    )
    line = thief.forge("disarm", unlike={"roster_version": 3}, partition="hall")
    assert scene.tries(line, THIEF.approve(line)) == "roster_older"
    assert scene.is_armed()


def test_what_he_can_do(scene: Scene) -> None:
    """Hold back, lie to the desk, have armed what the officer's page signs: all of it guards, or is seen."""
    thief = scene.thief
    line = thief.forge("arm", partition="hall", mode="away")
    told = scene.branch.answer(thief.send(line, ON_THE_PAGE.approve(line)))
    assert (told["kind"], told["facts"]["people"]) == ("order.executed", ["zhang-wei"])
    assert scene.is_armed()
    # And an honest order of the person's own machine goes through his hands as it is, or not at all.
    line = thief.forge("unlock", door="outer", for_s=20)
    told = scene.branch.answer(thief.send(line, FILE.approve(line)))
    assert told["kind"] == "order.executed"
    eventually_blocking(lambda: Door.OUTER in scene.branch.box.branch.now().unlocked, what="the lock lets go")


def _by(private_key: EllipticCurvePrivateKey, line: bytes, approver: Approver) -> Approval:
    """An approval in this person's name by another key."""
    return sign_key_file(line, json.loads(line)["id"], approver.name, approver.key.id, private_key)


def _version(scene: Scene) -> int:
    """The site file that the box says it works with."""
    return int(scene.branch.bank.desk.box(scene.thief.box)["config"]["version"])


def _answer(scene: Scene, asked: str) -> str:
    """The box's reason for a request."""

    def so() -> list[dict[str, Any]]:
        told = scene.branch.events("request.answered")
        return [each for each in told if each["facts"]["request"] == asked]

    return str(eventually_blocking(so, what="it is answered")[0]["facts"]["reason"])


def _rejected(scene: Scene, seen: int) -> str:
    """Why the box set the next message aside."""
    _one_more(scene.branch, "envelope.rejected", seen)
    return str(scene.branch.events("envelope.rejected")[-1]["facts"]["reason"])


def _one_more(branch: GuardedBranch, kind: str, seen: int) -> None:
    """Wait until the box has written down another one of these."""
    eventually_blocking(lambda: len(branch.events(kind)) > seen, timeout_s=20, what=f"another {kind}")


def _signed_by_the_centre(branch: GuardedBranch, thief: Thief, bundle: Bundle) -> bytes:
    certificates = branch.bank.certificates
    (own, *_) = x509.load_pem_x509_certificates(certificates.pair(COLLECTOR)[0].read_bytes())
    signer = Signer(sealer=thief.sealer, chain=der_chain(certificates.authority, own))
    return sign_document(EnvelopeType.SITE, encode_bundle(bundle), [signer])
