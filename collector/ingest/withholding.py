"""Which events must not reach a person's session: those of the duress that it acted under (WIRE 4.6).

Inside the transaction of the event itself, so that no reader ever finds it unmarked. Flow: `zone.duress` events ->
here -> rows of `withheld`, which storage/seeing.py asks.
"""

from collector.ingest.work import Work
from collector.storage.withholding import Withheld, keep_withheld, withheld_of

MOST_PEOPLE = 8
"""People of one event: an order has no more approvals."""


def withhold(work: Work) -> None:
    """Note whose sessions must not show these events; the end of a duress is withheld as its beginning was."""
    if not work.duress:
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
    keep_withheld(work.connection, fresh)
