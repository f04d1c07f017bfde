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
    }
)

HEADLINES_BY_REASON: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("escalation.broken", what): (text,)
        for what, text in (
            ("no_step", N_("{count} open alarms have no next step")),
            ("no_watch", N_("{count} untaken alarms whose response time nobody watches")),
            ("no_review", N_("{count} resolved alarms that nobody is told to review")),
            ("no_follow", N_("{count} reviewed alarms that nobody is told to follow up")),
            ("shelter", N_("{count} alarms are kept quiet by something that is over")),
            ("late", N_("{count} steps are more than 10 s late")),
            ("unreachable", N_("{count} untaken alarms whose policy reaches nobody")),
            ("deaf", N_("{count} untaken alarms with a step that reaches nobody")),
            ("hole", N_("{count} untaken alarms for which there is no policy")),
            ("altered", N_("The rules no longer say what was loaded; the ones before them hold")),
        )
    }
)
"""By fact `what` of the auditor's finding."""

FAMILIES: Final[Mapping[str, str]] = MappingProxyType({"audit": N_("the auditor"), "unit": N_("its sites")})
"""What the centre's own sources are called."""
