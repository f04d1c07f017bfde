"""What the site file says of one alarm panel: its account, its zones, how often it must be heard of. Pure."""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from agent.config.watched import on_panel
from protocol.dc09.reports import number
from protocol.site.schema import Site, ZoneType


class PanelZone(msgspec.Struct, frozen=True, kw_only=True):
    """A zone of a panel that the site file names."""

    point: str
    type: ZoneType


class PanelWiring(msgspec.Struct, frozen=True, kw_only=True):
    """One panel."""

    id: str
    account: str
    key: str = ""  # the secret's name; empty: it speaks in clear
    supervision: timedelta | None = None
    zones: Mapping[str, PanelZone] = {}  # by the panel's own number

    @property
    def device(self) -> str:
        """Its point."""
        return f"device/{self.id}"


def panel_wirings(site: Site) -> tuple[PanelWiring, ...]:
    """The panels of a site, in the order of its file."""
    return tuple(
        PanelWiring(
            id=panel.id,
            account=panel.account,
            key=panel.key.secret if panel.key else "",
            supervision=panel.supervision,
            zones={
                number(zone.input.rpartition("/")[2]): PanelZone(point=f"zone/{zone.id}", type=zone.type)
                for zone in site.zone
                if on_panel(zone) and zone.input.partition("/")[0] == panel.id
            },
        )
        for panel in site.panel
    )
