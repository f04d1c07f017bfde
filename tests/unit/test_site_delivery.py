"""A signed bundle goes from the centre to its box, again and again until it is taken, and what stays wrong is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.bundles import Delivered, NotTakenError, look_at, store_bundles
from collector.fleet.configs import DRIFT_AFTER, SEND_AGAIN, SEND_AGAIN_AT_MOST
from collector.storage.records import EventRow, Sight
from collector.times import unix_ms
from protocol.bundle import Bundle, bundle_hash, encode_bundle
from protocol.certificates import Role, Trust
from protocol.documents import open_document
from protocol.envelope import EnvelopeType, open_envelope, read_envelope
from protocol.kinds import Lane
from protocol.limits import MAX_ORDER_BYTES
from protocol.messages import ConfigState, decode_order
from tests.bundles import BOX, SITE, Bureau, roster
from tests.collecting import Box, PaperCentre
from tests.ledgers import NOW

BUREAU = Bureau()
OLD, NEW = BUREAU.bundle(3), BUREAU.bundle(4)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[PaperCentre]:
    """A centre of the bureau's authority."""
    made = PaperCentre(folder=tmp_path, authority=BUREAU.authority)
    yield made
    made.close()


@pytest.fixture
def box(centre: PaperCentre) -> Box:
    """A box that works with bundle 3, which the centre carried to it."""
    deliver(centre, OLD)
    made = centre.box(BOX, SITE, config=state(OLD), machine="a" * 16)
    made.echo = centre.answer(made.birth()).challenge
    centre.take(made.events(made.opened(Lane.URGENT)), made.events(made.opened(Lane.ROUTINE)))
    return made


def state(bundle: Bundle) -> ConfigState:
    """What a box says that works with it."""
    return ConfigState(
        version=bundle.version,
        hash=bundle_hash(encode_bundle(bundle)),
        roster_version=bundle.roster.version,
        roster_not_after=bundle.roster.not_after,
    )


def deliver(centre: PaperCentre, bundle: Bundle, *signers: str, person: str = "zhao") -> Delivered:
    """Bring a bundle to the centre now."""
    offered = look_at(BUREAU.document(bundle, *signers), BUREAU.trust, centre.now)
    (delivered,) = store_bundles(centre.store, [offered], person, unix_ms(centre.now))
    return delivered


def beats(centre: PaperCentre, box: Box, span: timedelta) -> list[timedelta]:
    """The box beats every 5 s for so long; when bundles were sent to it, counted from now."""
    begun, sent = centre.now, []
    while centre.now - begun < span:
        centre.pass_time(5)
        if beat(centre, box):
            sent.append(centre.now - begun)
    return sent


def beat(centre: PaperCentre, box: Box) -> list[tuple[str, bytes]]:
    """One beat, and the bundles sent for it."""
    return centre.take(box.beat()).deliveries


def refuse(centre: PaperCentre, box: Box, bundle: Bundle, reason: str) -> None:
    """The box's own event about a bundle that it does not take."""
    refused = state(bundle)
    line = box.line("config.refused", version=refused.version, hash=refused.hash, reason=reason, held=3, count=1)
    centre.take(box.events(line))


def drifts(centre: PaperCentre) -> list[EventRow]:
    """What was told of drift."""
    return [event for event in centre.events() if event.kind.startswith("config.drift")]


def row(centre: PaperCentre) -> Any:
    """The box's row of `configs`."""
    from collector.storage.bundles import configs_of

    with centre.store.write() as connection:
        return configs_of(connection, [BOX])[BOX]


def test_a_new_bundle_is_sent_at_the_next_beat(centre: PaperCentre, box: Box) -> None:
    """docs/trust.md 4.4: the document as it was signed, to its box alone, and nothing more once the box says so."""
    assert beat(centre, box) == []
    deliver(centre, NEW)
    assert beat(centre, box) == [(BOX, BUREAU.document(NEW))]
    box.config = state(NEW)
    assert beats(centre, box, DRIFT_AFTER * 2) == []
    assert drifts(centre) == []


def test_the_order_is_the_collector_s_and_holds_the_document(centre: PaperCentre, box: Box) -> None:
    """One line, sealed as an order by the collector; whoever opens it has a document whose signatures hold."""
    deliver(centre, NEW)
    ((_, document),) = beat(centre, box)
    sealed = centre.centre.receipts.site_file(BOX, "01920000-0000-7000-8000-000000000000", document, unix_ms(NOW))
    unverified = read_envelope(sealed, MAX_ORDER_BYTES * 2)
    order = decode_order(open_envelope(unverified, _public(centre), EnvelopeType.ORDER).payload)
    assert (order.action, order.box, order.by, order.challenge) == ("site_file", BOX, centre.id, "")
    carried = msgspec.json.encode(order.args["bundle"])
    opened = open_document(carried, EnvelopeType.SITE, BUREAU.trust, NOW, Role.PROVISIONING)
    assert opened.payload == encode_bundle(NEW)


def _public(centre: PaperCentre) -> Any:
    return BUREAU.trust.identify(centre.chain, NOW, Role.COLLECTOR).public_key


def test_a_bundle_that_is_not_taken_is_sent_again_ever_more_rarely(centre: PaperCentre, box: Box) -> None:
    """Never sooner than after 30 s, doubling to ten minutes, for as long as the box refuses it."""
    deliver(centre, NEW)
    assert beat(centre, box)
    refuse(centre, box, NEW, "secret_missing")
    times = [timedelta(), *beats(centre, box, timedelta(hours=1))]
    waits = [after - before for before, after in pairwise(times)]
    assert waits[0] == SEND_AGAIN
    assert waits[:5] == [SEND_AGAIN * 2**n for n in range(5)]
    assert set(waits[5:]) == {SEND_AGAIN_AT_MOST}


def test_a_new_birth_is_a_new_try(centre: PaperCentre, box: Box) -> None:
    """What was lost on the line is sent again soon after the box comes back; a refusal still counts."""
    deliver(centre, NEW)
    beats(centre, box, timedelta(minutes=8))
    assert centre.pass_time(SEND_AGAIN.total_seconds()).deliveries == []
    assert centre.take(box.birth()).deliveries
    refuse(centre, box, NEW, "key_not_pinned")
    for _ in range(4):
        centre.take(box.birth())
        beats(centre, box, timedelta(minutes=1))
    centre.pass_time(SEND_AGAIN.total_seconds())
    assert not centre.take(box.birth()).deliveries


def test_a_doubled_box_is_sent_nothing(centre: PaperCentre, box: Box) -> None:
    """Orders to an identity that two machines bear are refused: WIRE 2.2."""
    clone = box.clone("b" * 16)
    centre.take(clone.birth())
    centre.pass_time(5)
    clone.echo = centre.answer(clone.beat()).challenge
    box.echo = clone.echo
    deliver(centre, NEW)
    centre.pass_time(1)
    assert beat(centre, box) == []
    assert "ledger.fork" in [event.kind for event in centre.events()]
    assert deliver(centre, BUREAU.bundle(5)).forked
    assert [*beats(centre, box, timedelta(minutes=1)), *beat(centre, clone)] == []


def test_a_lower_version_is_not_sent(centre: PaperCentre, box: Box) -> None:
    """Every box refuses it, so it would only fill ledgers; the centre says that it does not know what the box has."""
    deliver(centre, NEW)
    box.config = state(BUREAU.bundle(9))
    assert beats(centre, box, timedelta(minutes=1)) == []
    assert [(event.kind, event.facts["reason"]) for event in drifts(centre)] == [("config.drift", "unknown")]


def test_a_box_on_a_plain_file_is_sent_nothing_and_told_of(centre: PaperCentre) -> None:
    """A box that should work with a signed bundle and does not is drift; one for which none is wanted is not."""
    plain, other = centre.box(BOX, SITE), centre.box("0755-032-a", "0755-032")
    centre.take(plain.birth(), other.birth())
    deliver(centre, NEW)
    assert beats(centre, plain, DRIFT_AFTER) == []
    centre.pass_time(1)
    beat(centre, plain)
    beat(centre, other)
    assert [(event.site, event.facts["reason"]) for event in drifts(centre)] == [(SITE, "plain")]


def test_ten_minutes_of_another_bundle_are_drift(centre: PaperCentre, box: Box) -> None:
    """Told once, with both bundles and why, as an alarm of the site; over when the box says that it has it."""
    deliver(centre, NEW)
    beats(centre, box, DRIFT_AFTER - timedelta(seconds=5))
    assert drifts(centre) == []
    beats(centre, box, DRIFT_AFTER)
    (told,) = drifts(centre)
    assert (told.box, told.site, told.source, told.level) == (centre.id, SITE, f"box/{BOX}", 3)
    assert told.facts == {
        "box": BOX,
        "reason": "late",
        "wanted_version": 4,
        "wanted_hash": state(NEW).hash,
        "version": 3,
        "hash": state(OLD).hash,
    }
    (alarm,) = centre.alarms(kind="config.drift")
    box.config = state(NEW)
    beat(centre, box)
    assert [event.kind for event in drifts(centre)] == ["config.drift", "config.drift.restored"]
    assert drifts(centre)[-1].restores == told.id
    assert centre.alarms(kind="config.drift")[0].restored_ms is not None
    assert alarm.restored_ms is None


def test_time_without_the_box_does_not_count(centre: PaperCentre, box: Box) -> None:
    """Ten minutes while connected: a box that was away gets its ten minutes from its return on."""
    deliver(centre, NEW)
    beats(centre, box, timedelta(minutes=5))
    centre.pass_time(3600)
    centre.take(box.birth())
    beats(centre, box, DRIFT_AFTER - timedelta(seconds=5))
    assert drifts(centre) == []
    beats(centre, box, timedelta(seconds=5))
    assert [event.facts["reason"] for event in drifts(centre)] == ["late"]


def test_a_refusal_is_drift_at_once_with_the_box_s_reason(centre: PaperCentre, box: Box) -> None:
    """Nobody waits ten minutes for what the box has said; a refusal of another version means nothing."""
    deliver(centre, NEW)
    beat(centre, box)
    refuse(centre, box, BUREAU.bundle(2), "older_version")
    beat(centre, box)
    assert drifts(centre) == []
    refuse(centre, box, NEW, "needs_two_signatures")
    beat(centre, box)
    assert [event.facts["refused"] for event in drifts(centre)] == ["needs_two_signatures"]
    assert row(centre).drift == "refused"


def test_a_new_bundle_forgets_what_became_of_the_one_before(centre: PaperCentre, box: Box) -> None:
    """A corrected version is sent at once; the drift that was told is over only when the box has it."""
    deliver(centre, NEW)
    beat(centre, box)
    refuse(centre, box, NEW, "settings_wrong")
    beat(centre, box)
    corrected = BUREAU.bundle(5)
    deliver(centre, corrected)
    assert beat(centre, box) == [(BOX, BUREAU.document(corrected))]
    assert [event.kind for event in drifts(centre)] == ["config.drift"]
    box.config = state(corrected)
    beat(centre, box)
    assert [event.kind for event in drifts(centre)] == ["config.drift", "config.drift.restored"]


def test_a_second_signature_on_the_same_payload_is_a_new_try(centre: PaperCentre, box: Box) -> None:
    """The hash is the payload's: the document with both signatures takes the place of the one with one."""
    touching = BUREAU.bundle(4, roster=roster(2, days=60))
    assert deliver(centre, touching, "bureau-1").lacks_signature
    beat(centre, box)
    refuse(centre, box, touching, "needs_two_signatures")
    whole = deliver(centre, touching)
    assert not whole.unchanged
    assert not whole.lacks_signature
    assert beat(centre, box) == [(BOX, BUREAU.document(touching))]


def test_a_bundle_the_centre_does_not_know_is_told_at_once(centre: PaperCentre, box: Box) -> None:
    """Somebody with the bank's keys, or a stick: the centre says what it did not carry, until it was brought here."""
    foreign = BUREAU.bundle(7)
    box.config = state(foreign)
    beat(centre, box)
    assert [event.facts["reason"] for event in drifts(centre)] == ["unknown"]
    deliver(centre, foreign)
    beat(centre, box)
    assert [event.kind for event in drifts(centre)] == ["config.drift", "config.drift.restored"]


def test_a_restart_forgets_nothing(centre: PaperCentre, box: Box) -> None:
    """What was sent, refused and told stands in the database."""
    deliver(centre, NEW)
    beat(centre, box)
    refuse(centre, box, NEW, "settings_wrong")
    beat(centre, box)
    centre.restart()
    centre.pass_time(10)
    assert beat(centre, box) == []
    assert [event.kind for event in drifts(centre)] == ["config.drift"]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"", "malformed"),
        (b"{}", "malformed"),
        (BUREAU.document(NEW)[:-40], "malformed"),
        (BUREAU.document(NEW) + b" " * 600_000, "too_large"),
        (msgspec.json.encode({"payload": "e30", "signatures": []}), "malformed"),
        (BUREAU.document(b'{"v":1}'), "not_a_bundle"),
        (BUREAU.document(BUREAU.bundle(4, settings={"id": SITE})), "settings_wrong"),
        (BUREAU.document(NEW, "bureau-1", "bureau-1"), "signed_twice"),
    ],
    ids=["nothing", "empty", "cut off", "too large", "unsigned", "no bundle", "settings", "one person twice"],
)
def test_what_no_box_could_take_is_refused(document: bytes, reason: str) -> None:
    """Each fault has its word and a sentence without a hole."""
    with pytest.raises(NotTakenError) as caught:
        look_at(document, BUREAU.trust, NOW)
    assert caught.value.reason == reason
    assert "{" not in str(caught.value)


def test_a_changed_byte_is_refused() -> None:
    """The payload is another, and the signatures are not over it."""
    document = msgspec.json.decode(BUREAU.document(NEW))
    document["payload"] = msgspec.json.decode(BUREAU.document(BUREAU.bundle(5)))["payload"]
    with pytest.raises(NotTakenError, match="a signature does not hold"):
        look_at(msgspec.json.encode(document), BUREAU.trust, NOW)


def test_only_provisioning_keys_under_the_root_count() -> None:
    """A stranger's key, a box's, an ended one and a revoked one sign nothing that is stored."""
    bureau = Bureau()
    with pytest.raises(NotTakenError, match="this centre's root"):
        look_at(bureau.document(NEW), BUREAU.trust, NOW)
    bureau.keys["box"] = bureau.issue(BOX, Role.BOX)
    with pytest.raises(NotTakenError) as caught:
        look_at(bureau.document(NEW, "box"), bureau.trust, NOW)
    assert caught.value.reason == "certificate_wrong_role"
    revoked = bureau.authority.revoke(bureau.keys["bureau-2"].certificate, now=NOW)
    with pytest.raises(NotTakenError, match="was revoked"):
        look_at(bureau.document(NEW), Trust(revoked.root.certificate, revoked.crls.values()), NOW)
    with pytest.raises(NotTakenError, match="has ended"):
        look_at(bureau.document(NEW), bureau.trust, NOW + timedelta(days=365 * 20))


def test_versions_only_rise(centre: PaperCentre, box: Box) -> None:
    """An older one and another of the same version change nothing; the same again is no fault."""
    deliver(centre, NEW)
    for wrong, reason in ((BUREAU.bundle(2), "older_version"), (BUREAU.bundle(4, reason="x"), "same_version")):
        with pytest.raises(NotTakenError) as caught:
            deliver(centre, wrong)
        assert caught.value.reason == reason
    assert deliver(centre, NEW).unchanged
    assert row(centre).wanted_hash == state(NEW).hash


def test_a_bundle_that_the_box_refused_is_in_nobodys_way(centre: PaperCentre, box: Box) -> None:
    """A key that no box pins signs the last version there is: once the box said no, honest ones are taken again."""
    last = msgspec.structs.replace(NEW, version=2**53 - 1)
    deliver(centre, last, "bureau-3")
    with pytest.raises(NotTakenError, match="older"):
        deliver(centre, NEW)
    beat(centre, box)
    refuse(centre, box, last, "key_not_pinned")
    with pytest.raises(NotTakenError, match="older"):
        deliver(centre, OLD)
    assert deliver(centre, NEW).version == 4
    assert beat(centre, box) == [(BOX, BUREAU.document(NEW))]


def test_a_box_belongs_to_the_site_of_its_certificate(centre: PaperCentre) -> None:
    """A bundle that moves a known box to another site would never be taken: said when it is brought."""
    centre.take(centre.box(BOX, "0755-099").birth())
    with pytest.raises(NotTakenError, match="belongs to site 0755-099"):
        deliver(centre, NEW)


def test_every_bundle_of_one_call_or_none(centre: PaperCentre, box: Box) -> None:
    """One that does not follow keeps the sound ones out too."""
    offers = [look_at(BUREAU.document(each), BUREAU.trust, NOW) for each in (NEW, BUREAU.bundle(1))]
    with pytest.raises(NotTakenError):
        store_bundles(centre.store, offers, "zhao", unix_ms(NOW))
    assert row(centre).wanted_hash == state(OLD).hash


def test_a_stolen_box_leaves_its_units_sight_in_no_way(centre: PaperCentre, box: Box) -> None:
    """Where a signed bundle says whose the site is, a birth says nothing else, whatever bundle it claims to work with.

    A thief would move the site to another unit before he cuts the line; its silence is told where it belongs.
    """
    unit = box.unit
    box.unit = "别处"
    for claimed in (state(OLD), state(NEW), None):
        box.config = claimed
        centre.take(box.birth(site_name="nothing"))
    centre.pass_time(60)
    silent = next(alarm for alarm in centre.alarms() if alarm.kind == "box.silent")
    assert (silent.site, silent.unit) == (SITE, unit)


def test_a_site_moves_with_the_signed_bundle(centre: PaperCentre, box: Box) -> None:
    """As soon as the box works with it, and as it was signed."""
    moved = msgspec.structs.replace(NEW, settings=NEW.settings | {"unit": "市分行/东区支行", "name": "东区支行"})
    deliver(centre, moved)
    box.config = state(moved)
    centre.take(box.birth())
    with centre.store.read() as reading:
        (site,) = reading.sites(Sight(unit="市分行/东区支行"))
    assert (site.id, site.name) == (SITE, "东区支行")


def test_a_delivery_stands_in_the_journal(centre: PaperCentre, box: Box) -> None:
    """Who brought which bundle, for the auditor."""
    deliver(centre, NEW, person="zhao")
    with centre.store.read() as reading:
        rows = [each for each in reading.journal_after(0, unit="") if each.action == "bundle"]
    assert [(each.person, each.subject, each.facts["version"]) for each in rows] == [("zhao", BOX, 3), ("zhao", BOX, 4)]
