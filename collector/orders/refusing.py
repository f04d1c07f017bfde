"""Why the centre does not draw up, take or send something: a word for programs, a sentence for people. Data only.

A quick answer and no more: what a box would refuse, it refuses whatever the centre says. The words of an approval's
refusal are the box's own (docs/guarding.md 4.2).
"""

from collections.abc import Mapping
from typing import Final

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

SENTENCES: Final[Mapping[str, str]] = {
    # who and how often
    "not_allowed": N_("Your role does not allow this; ask a person who has it."),
    "too_many": N_("You have asked for {count} in ten minutes, which is enough; wait a little."),
    "too_many_for_box": N_("This box was asked {count} times in ten minutes, which is enough; wait a little."),
    # which box
    "no_site": N_("There is no site with this id in your unit."),
    "no_box": N_("No box was heard from this site yet; see that it runs."),
    "forked": N_("Two boxes bear the name {box}: neither is sent an order. Go and see which of them belongs there."),
    "silent": N_("The box has not been heard for {silent_s} s: an order would not reach it. See to its line first."),
    "revoked": N_("The certificate of {box} was revoked: no order goes there. Replace the box."),
    "no_roster": N_("The box works with an unsigned site file, which names nobody to obey; deliver a signed one."),
    "unknown_bundle": N_(
        "The box works with site file version {version}, which was never delivered to this centre; "
        "deliver the same document here."
    ),
    "no_challenge": N_("The box has said nothing fresh that an order could name; try again in a minute."),
    # what
    "unknown_action": N_("There is no order of this name."),
    "unknown_request": N_("There is no request of this name."),
    "malformed_args": N_("What the order is about is not complete, or not of the right form."),
    "no_such_partition": N_("There is no partition of this name at the site."),
    "no_such_zone": N_("There is no zone of this name at the site."),
    "no_such_door": N_("There is no door of this name that has a lock."),
    "no_such_output": N_("There is no output of this name that people may switch."),
    "no_such_announcement": N_("There is no announcement of this name at the site."),
    "no_such_camera": N_("There is no camera of this name at the site."),
    "span_too_long": N_("A clip has at most {limit} seconds; ask for several."),
    "purpose_missing": N_("Say in a few words what the recording is looked at for; it is written into the journal."),
    "zone_elsewhere": N_("A zone that you named belongs to another partition."),
    "hold_up": N_("A panic button is never bypassed. Test it by name instead."),
    "fire": N_("A fire zone is never bypassed. Test it by name instead."),
    # approvals
    "other_order": N_("The approval is for another order."),
    "other_person": N_("Only the person who approves, or the one who drew the order up, may bring an approval."),
    "unknown_person": N_("The box does not know this person; its roster must name him first."),
    "unknown_key": N_("The box does not know this key of yours; its roster must name it first."),
    "bad_signature": N_("The signature does not hold for this order ({why}); approve exactly what is shown."),
    "right_missing": N_("The bank gave this key no right to approve such an order; take another key."),
    # states
    "no_order": N_("There is no order with this id in your unit."),
    "restarted": N_("The box has started anew since, and obeys no order from before; draw the order up again."),
    "stale": N_("The order is too old: a box obeys it for ten minutes. Draw it up again."),
    "sent": N_("The order was sent already."),
    "executed": N_("The box has carried the order out already."),
    "refused": N_("The box has refused the order already; draw up another one."),
    "withdrawn": N_("The order was withdrawn; draw up another one."),
}


class NotDoneError(SaidError):
    """Nothing was changed; `reason` is the word for it."""

    def __init__(self, reason: str, **values: object) -> None:
        super().__init__(SENTENCES[reason], **values)
        self.reason = reason
