"""The vectors of orders: one order, two approvals of it, and approvals that are none (docs/guarding.md 4.1)."""

from __future__ import annotations

import json
from typing import Any

from msgspec.structs import replace

from protocol.approvals import webauthn_approval
from protocol.enrolment import key_kid
from protocol.envelope import EnvelopeType, Sealer
from protocol.messages import Approval, encode
from protocol.orders import join_order, order_digest
from tests.approvers import PRESENT, Approver, Desk, SecurityKey
from tests.bundles import key

FILE = Approver("zhang-wei", 700)
TOUCH = Approver("li-na", 701, security_key=SecurityKey(701))


def order_vectors() -> dict[str, Any]:
    """Everything that another implementation needs to sign an order and to check a signature."""
    line = Desk(challenge="AAECAwQFBgcICQoLDA0ODw").draft("disarm", {"partition": "cash"})
    order = json.loads(line)["id"]
    approvals = [FILE.approve(line), TOUCH.approve(line)]
    return {
        "provenance": "made by tests/vectors/generate.py from the rules of docs/guarding.md section 4.1",
        "order": line.decode(),
        "digest_hex": order_digest(line).hex(),
        "keys": [
            {"private_scalar": each.number + 1, "person": each.name, "key": json.loads(encode(each.key))}
            for each in (FILE, TOUCH)
        ],
        "approvals": [json.loads(encode(each)) for each in approvals],
        "payload": join_order(line, tuple(encode(each) for each in approvals)).decode(),
        "refused": [
            {"why": why, "word": word, "approval": json.loads(encode(approval))}
            for why, word, approval in _refused(line, order, approvals[0])
        ],
    }


def _refused(line: bytes, order: str, good: Approval) -> list[tuple[str, str, Approval]]:
    sealer = Sealer(key(700), key_kid(key(700).public_key()))
    digest = order_digest(line)

    def jws(typ: EnvelopeType, payload: bytes) -> Approval:
        return replace(good, jws=sealer.seal(typ, payload).decode())

    def touched(**unlike: Any) -> Approval:
        assertion = SecurityKey(701).assertion(unlike.pop("signs", digest), **unlike)
        return webauthn_approval(order, TOUCH.name, TOUCH.key.id, assertion)

    return [
        ("the order's bytes with one space behind", "other_order", FILE.approve(line + b" ", order)),
        ("the order itself instead of its digest", "other_order", jws(EnvelopeType.APPROVAL, line)),
        ("sealed as a document", "wrong_type", jws(EnvelopeType.SITE, digest)),
        (
            "another key of the roster",
            "wrong_key",
            replace(Approver("zhang-wei", 701).approve(line), credential=FILE.key.id),
        ),
        ("another order's digest as challenge", "other_order", touched(signs=order_digest(line + b" "))),
        ("another origin", "wrong_origin", touched(origin="https://console.bank.example")),
        ("inside of another page", "framed", touched(crossOrigin=True)),
        ("another place's key", "wrong_rp", touched(rp_id="console.bank.example")),
        ("a registration", "wrong_type", touched(type="webauthn.create")),
        ("nobody verified", "not_verified", touched(flags=PRESENT)),
    ]
