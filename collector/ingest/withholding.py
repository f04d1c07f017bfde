"""Which events must not reach a person's session: those of the duress that it acted under (WIRE 4.6).

Inside the transaction of the event itself, so that no reader ever finds it unmarked. Flow: `zone.duress` events ->
here -> rows of `withheld`, which storage/seeing.py asks.
"""

from collections.abc import Iterator, Sequence

from collector.ingest.work import SEALED, Work
from collector.storage import evidence
from collector.storage.withholding import Withheld, keep_withheld, withheld_of
from protocol.messages import Event

MOST_PEOPLE = 8
"""People of one event: an order has no more approvals."""


def withhold(work: Work) -> None:
    """Note whose sessions must not show these events; the end of a duress is withheld as its beginning was.

    So is the line that seals a picture of it, whichever of the two came first.
    """
    sealed = [(number, event) for number, event in work.pictured if event.kind == SEALED]
    if not work.duress and not sealed:
        return
    fresh = [
        Withheld(number=each.number, person=person, box=each.box, event_id=each.event_id)
        for each in work.duress
        for person in dict.fromkeys(each.people[:MOST_PEOPLE])
    ]
    known = {(row.box, row.event_id, row.person) for row in fresh}
    ends = [each for each in work.duress if each.restores is not None]
    begun = [*fresh, *withheld_of(work.connection, [each.restores or "" for each in ends])]
    for end in ends:
        for row in begun:
            if (row.box, row.event_id) == (end.box, end.restores) and (end.box, end.event_id, row.person) not in known:
                known.add((end.box, end.event_id, row.person))
                fresh.append(Withheld(number=end.number, person=row.person, box=end.box, event_id=end.event_id))
    fresh.extend(_pictures(work, sealed, begun))
    keep_withheld(work.connection, fresh)


def _pictures(work: Work, sealed: Sequence[tuple[int, Event]], begun: Sequence[Withheld]) -> Iterator[Withheld]:
    """The lines that tell of pictures of withheld events."""
    owners = [str(event.facts.get("event")) for _, event in sealed]
    before = withheld_of(work.connection, owners)
    for number, event in sealed:
        for row in {(row.box, row.event_id, row.person): row for row in (*begun, *before)}.values():
            if (row.box, row.event_id) == (event.box, event.facts.get("event")):
                yield Withheld(number=number, person=row.person, box=event.box, event_id=event.id)
    here = {number for number, _ in sealed}
    fresh = [row for row in begun if row.number in {each.number for each in work.duress}]
    for piece in evidence.sealed_of(work.connection, [row.event_id for row in fresh]):
        for row in fresh:
            told = piece.sealed_number
            if told is not None and told not in here and (row.box, row.event_id) == (piece.box, piece.owner):
                yield Withheld(number=told, person=row.person, box=piece.box, event_id=piece.owner)
