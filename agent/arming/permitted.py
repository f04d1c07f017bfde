"""Whether a command may do what it asks, by the way it came. Pure; the last word before anything moves.

Who approved an order is judged where it is admitted (`agent/orders/`); here its people are counted once more, and no
other way opens what needs two of them (WIRE 4.5). The schedule only ever arms.
"""

from collections.abc import Iterable
from typing import Final

from agent.arming.commands import Command, Way
from agent.arming.table import Stage
from protocol.orders import ACTIONS, needed_people, people_of
from protocol.site.schema import Partition, Site

BY_OTHER_WAYS: Final = frozenset({"arm", "disarm"})
"""What codes, key switches, panels and the schedule can ask for at all."""


def refused(site: Site, command: Command, standing: Iterable[tuple[Partition, Stage]]) -> str:
    """Why this command may not; empty when it may. `standing`: the partitions it is about, as they are.

    Raises:
        OrderFaultError: what it names does not exist.
    """
    if command.action not in ACTIONS:
        return "unknown_action"
    if not isinstance(command.args, ACTIONS[command.action][0]):
        return "malformed_args"
    if command.way is Way.ORDER:
        if command.partitions:
            return "malformed_args"  # an order is about what people signed, and about nothing else
        enough = len(set(command.people)) >= needed_people(site, command.action, command.args)
        return "" if enough else "needs_people"
    if command.action not in BY_OTHER_WAYS:
        return "needs_order"
    if command.action == "arm":
        return ""
    if command.way is Way.SCHEDULE:
        return "needs_order"
    guarded = any(people_of(partition) > 1 and stage is not Stage.DISARMED for partition, stage in standing)
    return "needs_order" if guarded else ""
