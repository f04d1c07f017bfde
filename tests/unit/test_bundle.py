"""A box takes what is its own, newer, whole and signed enough; every other bundle has its own reason."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, derive_private_key

from protocol.bundle import (
    Accepted,
    BundleRefusedError,
    bundle_hash,
    encode_bundle,
    judge,
)
from protocol.bundle_touches import MOST_STEPS
from protocol.certificates import Role, thumbprint
from protocol.documents import Document, open_document
from protocol.envelope import EnvelopeType
from protocol.roster import Roster
from tests.bundles import BOX, SITE, Bureau, person, roster, settings, spki
from tests.ledgers import NOW

BUREAU = Bureau()
HELD = encode_bundle(BUREAU.bundle(3))
P384 = spki(derive_private_key(7, SECP384R1()).public_key())


def _judge(document: Document, held: bytes | None = HELD, pins: frozenset[str] = BUREAU.pins) -> Accepted:
    return judge(document, held=held, pins=pins, box=BOX, site=SITE)


def _reason(document: Document, held: bytes | None = HELD) -> tuple[str, dict[str, Any]]:
    with pytest.raises(BundleRefusedError) as caught:
        _judge(document, held)
    assert "{" not in str(caught.value), "a sentence whose places stayed empty"
    return caught.value.reason, caught.value.facts


def test_the_first_bundle_touches_all_that_is_there_and_is_taken_from_two() -> None:
    """Against nothing everything is new; version, hash, site and signers come out of the judgement."""
    payload = encode_bundle(BUREAU.bundle(7))
    accepted = _judge(BUREAU.opened(payload), held=None)
    assert accepted.touches == ("roster", "pins", "partitions", "zones", "outputs", "doors", "eyes")
    assert (accepted.hash, accepted.payload) == (bundle_hash(payload), payload)
    assert (accepted.bundle.version, accepted.site.id, accepted.signers) == (7, SITE, ("bureau-1", "bureau-2"))
    assert not accepted.unchanged


def test_the_first_bundle_needs_two_signatures() -> None:
    """One key alone gives nobody power over a new box."""
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(), "bureau-1"), held=None)
    assert reason == "needs_two_signatures"
    assert facts["touches"] == ["roster", "pins", "partitions", "zones", "outputs", "doors", "eyes"]


def test_a_camera_comes_with_one_signature_and_moves_with_two() -> None:
    """What gives nobody power needs one signer; a camera that looks elsewhere is another camera."""
    moved = settings()
    moved["camera"][0]["address"] = "192.0.2.31"
    assert _reason(BUREAU.opened(BUREAU.bundle(4, settings=moved), "bureau-2"))[0] == "needs_two_signatures"
    changed = settings()
    changed["camera"].append(changed["camera"][0] | {"id": "cam2", "address": "192.0.2.32"})
    accepted = _judge(BUREAU.opened(BUREAU.bundle(4, settings=changed), "bureau-2"))
    assert (accepted.touches, accepted.signers) == ((), ("bureau-2",))


@pytest.mark.parametrize("more", [b',"version":99}', b',"later":{"x":1,"x":2}}'])
def test_a_name_that_stands_twice_is_refused(more: bytes) -> None:
    """One reader takes the first and another the last: what the second person saw may not be what he signed."""
    payload = encode_bundle(BUREAU.bundle(4))[:-1] + more
    assert _reason(BUREAU.opened(payload)) == ("malformed", {"fault": "a name stands twice in one object"})


def test_no_single_signer_uses_up_the_versions() -> None:
    """The last number there is, signed by one, would be the last bundle that the box ever took."""
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(2**53 - 1), "bureau-1"))
    assert (reason, facts["touches"]) == ("needs_two_signatures", ["version"])
    assert _judge(BUREAU.opened(BUREAU.bundle(3 + MOST_STEPS), "bureau-1")).touches == ()


def test_a_zone_is_its_input_on_its_module() -> None:
    """One signer who moves the module to a machine of his own would have every zone read quiet from there."""
    changed = settings()
    changed["io"][0]["address"] = "198.51.100.66"
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(4, settings=changed), "bureau-1"))
    assert (reason, facts["touches"]) == ("needs_two_signatures", ["zones", "outputs", "doors"])


def test_the_doors_of_an_interlock_are_what_moves_its_locks() -> None:
    """An interlock without an emergency release still holds locks: one signer takes no door out of it."""
    before = settings()
    del before["interlock"][0]["emergency_release"]
    after = {**before, "interlock": []}
    held = encode_bundle(BUREAU.bundle(3, settings=before))
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(4, settings=after), "bureau-1"), held)
    assert (reason, facts["touches"]) == ("needs_two_signatures", ["outputs", "doors"])


def test_the_same_bundle_again_changes_nothing_whoever_signed_it() -> None:
    """The bundle in force may have put its own signer out of use: sent again, it is no fault and nothing to do."""
    accepted = judge(BUREAU.opened(HELD, "bureau-1"), held=HELD, pins=frozenset({"0" * 64}), box=BOX, site=SITE)
    assert (accepted.unchanged, accepted.touches) == (True, ())


def test_a_key_that_is_not_pinned_signs_nothing() -> None:
    """The authority's word for a provisioning key is not enough: the box obeys the keys that it holds."""
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(4), "bureau-1", "bureau-3"))
    assert reason == "key_not_pinned"
    third = thumbprint(BUREAU.keys["bureau-3"].private_key.public_key())
    assert facts == {"signer": "bureau-3", "thumbprint": third}


def test_keys_are_rotated_by_the_old_ones() -> None:
    """Two pinned keys sign the pins of a third; from then on the third counts."""
    third = thumbprint(BUREAU.keys["bureau-3"].private_key.public_key())
    rotated = _judge(BUREAU.opened(BUREAU.bundle(4, pins=(*sorted(BUREAU.pins), third))))
    assert rotated.touches == ("pins",)
    pins = frozenset(rotated.bundle.pins)
    assert _judge(BUREAU.opened(BUREAU.bundle(5), "bureau-3", "bureau-1"), rotated.payload, pins).touches == ("pins",)


@pytest.mark.parametrize(
    ("changes", "reason", "facts"),
    [
        ({"box": "0755-032-a"}, "other_box", {"named": "0755-032-a", "box": BOX}),
        ({"site": "0755-032"}, "other_site", {"named": "0755-032", "site": SITE}),
        ({"version": 2}, "older_version", {"version": 2, "held": 3}),
        ({"version": 3, "reason": "x"}, "same_version_other_content", {"version": 3}),
        ({"pending": ()}, "secret_missing", {"name": "cameras"}),
        ({"pending": ("cameras",), "sealed": {"cameras": "x"}}, "malformed", None),
        ({"rollback": True}, "malformed", {"fault": "a rollback needs its reason"}),
        ({"pins": ()}, "malformed", None),
        ({"at": "2026-02-30T00:00:00.000Z"}, "malformed", None),
        ({"reason": "two\nlines"}, "malformed", {"fault": "control characters in the reason"}),
        (
            {"roster": roster(1, person("a", 1), person("b", 1))},
            "malformed",
            {"fault": "key b-1 of b stands twice in the roster"},
        ),
        (
            {"roster": roster(1, person("a", 1), person("a", 2))},
            "malformed",
            {"fault": "a person stands twice in the roster"},
        ),
    ],
)
def test_each_rule_has_its_reason(changes: dict[str, Any], reason: str, facts: dict[str, Any] | None) -> None:
    """A refused bundle says which rule it broke, and by what."""
    bundle = msgspec.structs.replace(BUREAU.bundle(4), **changes)
    seen, with_facts = _reason(BUREAU.opened(bundle))
    assert seen == reason
    assert facts is None or with_facts == facts


def test_an_older_version_is_refused_also_as_a_rollback() -> None:
    """A signed step back with a lower version could be sent again for ever: it has to be a new version."""
    bundle = BUREAU.bundle(2, rollback=True, reason="the new module fails")
    assert _reason(BUREAU.opened(bundle))[0] == "older_version"


def test_a_rollback_touches_everything() -> None:
    """Going back puts all into question: two signatures, though nothing differs from the bundle in force."""
    bundle = BUREAU.bundle(4, rollback=True, reason="the new module fails")
    assert _reason(BUREAU.opened(bundle, "bureau-1"))[0] == "needs_two_signatures"
    assert _judge(BUREAU.opened(bundle)).touches == (
        "roster",
        "pins",
        "partitions",
        "zones",
        "outputs",
        "doors",
        "eyes",
    )


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("doors", [], 'unknown key "doors"'),
        ("id", "0755-032", "id must be 0755-031"),
        ("centre", {"box": "0755-031-b", "brokers": ["192.0.2.5:8883"]}, "box must be 0755-031-a"),
        ("centre", {"box": BOX, "brokers": ["192.0.2.5:8883"], "key": "box.key"}, "key has no place in a bundle"),
        ("timezone", None, "timezone must be a text, not nothing"),
    ],
)
def test_wrong_settings_are_told_by_their_first_fault(key: str, value: Any, part: str) -> None:
    """Settings are judged as a site file is, and must be those of this box."""
    changed = settings() | {key: value}
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(4, settings=changed)))
    assert reason == "settings_wrong"
    assert part in facts["fault"]


def test_settings_without_a_centre_would_cut_the_box_off() -> None:
    """A box without brokers could never be told better."""
    changed = settings()
    del changed["centre"]
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(4, settings=changed)))
    assert (reason, "centre is missing" in facts["fault"]) == ("settings_wrong", True)


def _with_key(**changes: Any) -> Roster:
    one = person("a", 1)
    return roster(1, msgspec.structs.replace(one, keys=(msgspec.structs.replace(one.keys[0], **changes),)))


@pytest.mark.parametrize(
    ("rows", "part"),
    [
        (_with_key(kind="webauthn"), "belong to webauthn"),
        (_with_key(kind="webauthn", rp_id="localhost"), "belong to webauthn"),
        (_with_key(rp_id="localhost"), "belong to webauthn"),
        (_with_key(rp_id="localhost", origin="http://localhost"), "belong to webauthn"),
        (_with_key(public_key="AAAA"), "no public key"),
        (_with_key(public_key="-"), "no base64"),
        (_with_key(public_key=b64encode(P384).decode()), "no P-256 key"),
        (
            roster(1, msgspec.structs.replace(person("a", 1), keys=person("a", 1).keys + person("a", 2).keys)),
            "two keys of a have one name",
        ),
    ],
)
def test_a_roster_that_could_be_misread_is_none(rows: Roster, part: str) -> None:
    """Keys that cannot be used, or that could count twice, or for another page: the whole bundle is refused."""
    reason, facts = _reason(BUREAU.opened(BUREAU.bundle(4, roster=rows)))
    assert (reason, part in facts["fault"]) == ("malformed", True), facts


def test_a_passkey_with_its_page_stands_in_a_roster() -> None:
    """So that the test above refuses nothing that is right."""
    rows = _with_key(kind="webauthn", rp_id="localhost", origin="http://localhost")
    assert _judge(BUREAU.opened(BUREAU.bundle(4, roster=rows))).touches == ("roster",)


def test_a_bundle_is_one_line() -> None:
    """Its hash is that of one line, whoever writes it down."""
    spread = msgspec.json.format(encode_bundle(BUREAU.bundle(4)), indent=1)
    assert _reason(BUREAU.opened(spread)) == ("malformed", {"fault": "not one line"})


def test_only_provisioning_signs_whatever_the_caller_opened() -> None:
    """A caller that let another role through is not believed: a person's key decides nothing about a box."""
    BUREAU.keys["wang-fang"] = BUREAU.issue("wang-fang", Role.PERSON)
    data = BUREAU.document(BUREAU.bundle(4), "bureau-1", "wang-fang")
    opened = open_document(data, EnvelopeType.SITE, BUREAU.trust, NOW, Role.PROVISIONING, Role.PERSON)
    assert _reason(opened)[0] == "certificate_wrong_role"
