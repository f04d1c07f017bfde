"""Why a notice did not go, as a sentence. Pure: words that channels and receivers leave in rows -> `Said`.

Flow: `Notice.reason` -> the desk's list of who was told, `branchwatch collector notify test`.
"""

from types import MappingProxyType
from typing import Final

from collector.notify.dc09.records import REASONS, Reason
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

CHANNELS: Final = MappingProxyType(
    {
        "unreachable": N_("cannot be reached"),
        "too_slow": N_("no answer in time"),
        "garbage": N_("an answer that cannot be read"),
        "redirected": N_("it sends elsewhere, which is not followed"),
        "login_refused": N_("refuses the login"),
        "refused": N_("refused"),
        "busy": N_("too much waits for it"),
        "no_address": N_("no address there"),
        "no_channel": N_("collector.toml has no such channel"),
        "no_receiver": N_("collector.toml has no such receiver"),
        "not_delivered": N_("the gateway says that it did not arrive"),
        "inside": N_("failed inside the centre; its log says where"),
    }
)
_NUMBERED: Final = MappingProxyType({"status": N_("answered {code}"), "refused": N_("refused ({code})")})


def why(reason: str, *, receiver: bool = False) -> Said:
    """The sentence; a word that nobody knows stands as it is."""
    if receiver and reason in set(Reason):
        return said(REASONS[Reason(reason)])
    word, _, code = reason.partition(" ")
    if code and word in _NUMBERED:
        return said(_NUMBERED[word], code=code)
    if reason in CHANNELS:
        return said(CHANNELS[reason])
    return Said(reason.replace("{", "{{").replace("}", "}}"))
