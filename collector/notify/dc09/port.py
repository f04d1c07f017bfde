"""A receiver as the sender sees it: one notice in, one outcome. Flow: sender.py -> here -> receivers.py."""

from collections.abc import Iterable

from collector.notify.dc09.receivers import Receivers
from collector.notify.dc09.records import Reason, Report
from collector.notify.port import Message, Outcome, Port, Sent, failed

_AGAIN = frozenset({Reason.BUSY})
"""What a new try may mend; for everything else the receiver was tried three times at each address already."""


class ReceiverPort:
    """One receiver."""

    def __init__(self, receivers: Receivers, receiver_id: str) -> None:
        self._receivers = receivers
        self._id = receiver_id

    async def send(self, message: Message) -> Sent:
        """Tell the alarm that the notice is about."""
        alarm = message.alarm
        if alarm is None:
            return failed(Reason.NO_CODE, again=False)
        report = Report(site=alarm.site, kind=alarm.kind, point=alarm.source, opened_ms=alarm.opened_ms)
        outcome = await self._receivers.deliver(self._id, report)
        if outcome.delivered:
            return Sent(outcome=Outcome.DELIVERED, id=outcome.address)
        reason = outcome.reason or Reason.SILENT
        return failed(reason, again=reason in _AGAIN)

    async def close(self) -> None:
        """Every report has a connection of its own: nothing is left open."""


def receiver_ports(receivers: Receivers, ids: Iterable[str]) -> dict[str, Port]:
    """What the sender is given: a port for each receiver."""
    return {each: ReceiverPort(receivers, each) for each in ids}
