"""What the centre says of itself, as data: incidents, its escalation, receivers. Joined into sentences.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "incident.link": (N_("{sites} sites or more of {unit} lost their link within 2 minutes"),),
        "incident.power": (N_("{sites} sites or more of {unit} lost the mains within 2 minutes"),),
        "receiver.lost": (N_("Receiver {receiver} does not answer at {address}"),),
        "collector.silent.restored": (N_("Collector {collector} is there again"),),
    }
)

HEADLINES_BY_REASON: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("escalation.broken", what): (text,)
        for what, text in (
            ("no_step", N_("Open alarms without a next step: {count}")),
            ("no_watch", N_("Untaken alarms whose response time nobody watches: {count}")),
            ("no_review", N_("Resolved alarms that nobody is told to review: {count}")),
            ("no_follow", N_("Reviewed alarms that nobody is told to follow up: {count}")),
            ("shelter", N_("Alarms kept quiet by something that is over: {count}")),
            ("late", N_("Steps that are more than 10 s late: {count}")),
            ("unreachable", N_("Untaken alarms whose policy reaches nobody: {count}")),
            ("deaf", N_("Untaken alarms with a step that reaches nobody: {count}")),
            ("hole", N_("Untaken alarms for which there is no policy: {count}")),
            ("altered", N_("The rules no longer say what was loaded; the ones before them hold")),
        )
    }
    | {
        ("collector.silent", "silent"): (
            N_("Collector {collector} was not seen for {silent_s} s; collectors left: {left}"),
        ),
        ("collector.silent", "ended"): (
            N_("Collector {collector} was ended {away_min} minutes ago and not started again; collectors left: {left}"),
        ),
    }
)
"""By fact `what` of the auditor's finding, or `reason` of a collector that is gone."""

NEXT_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "collector.silent": N_(
            "Next step: look at its machine and start it again: until then the centre has less to fall back on. "
            "If it was taken out for good, resolve this alarm; it does not come again."
        ),
    }
)

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {"audit": N_("the auditor"), "unit": N_("its sites"), "collector": N_("Collector {id}")}
)
"""What the centre's own sources are called."""
