"""What an agent needs to hear alarm panels: their keys out of the bundle, and the receiver that takes for the watch.

Joins, and decides nothing. Flow: `app.py` -> here -> agent/drivers/dc09.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from agent.arming.commands import Command
from agent.drivers.dc09.config import panel_wirings
from agent.drivers.dc09.desk import Desk
from agent.drivers.dc09.driver import PanelDriver
from agent.drivers.dc09.keys import PanelKey, open_keys
from agent.findings import Finding
from agent.local.moves import Moves
from agent.secrets import Secrets
from agent.signals import Moment, Signal
from agent.watch import Watch
from protocol.site.schema import Site

Keys = Mapping[str, PanelKey | str]


def panel_keys(site: Site, secrets: Secrets | None) -> Keys:
    """The panels' keys, or why there is none; `secrets`: None where nothing holds any."""
    return open_keys(panel_wirings(site), secrets.open if secrets else None)


def not_to_be_had(site: Site, keys: Keys) -> frozenset[str]:
    """The names of the secrets that panels wait for."""
    return frozenset(panel.key.secret for panel in site.panel if panel.key and isinstance(keys.get(panel.id), str))


def panel_driver(
    site: Site, keys: Keys, saved: Mapping[str, bytes], watch: Watch, moves: Moves, now: Callable[[], Moment]
) -> PanelDriver | None:
    """The receiver of a site; None where it has none."""
    if site.receiver is None or not site.panel:
        return None
    overheard = moves.tap(lambda _: None)

    def take(
        signals: tuple[Signal, ...] = (),
        findings: Iterable[Finding] = (),
        commands: Sequence[Command] = (),
        remember: Mapping[str, bytes] = MappingProxyType({}),
    ) -> Awaitable[bool]:
        overheard(signals)
        return watch.take(signals, findings, commands, remember)

    return PanelDriver(
        site.receiver.listen,
        Desk(panel_wirings(site), keys, saved, now(), site.partition),
        take=take,
        deliver=moves.tap(watch.deliver),
        tell=watch.tell,
        now=now,
    )
