"""The example's folder `centre`: rules of a small desk, each part explained. Text only; example.py writes it.

Its people, channels and receivers are seats of collector.toml, which the reader has yet to write.
"""

from collections.abc import Mapping
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

_POLICIES: Final = """\
{policies_are}
[[policy]]
name = "{gravest}"
when = {{ levels = [1, 2] }}
repeat = "2m"                       {repeat_is}
until = "acknowledged"              {until_is}

[[policy.step]]
after = "0s"
tell = ["desk"]

[[policy.step]]
after = "30s"
tell = ["rota/leaders"]
by = ["voice", "sms"]               {by_is}

[[policy.step]]
after = "2m"
tell = ["rota/leaders", "person/director-1"]

{police_is}
# [[policy.step]]
# after = "0s"
# tell = ["receiver/police"]
# only_kinds = ["zone.hold_up", "zone.duress"]

{others_are}
[[policy]]
name = "{others}"
repeat = "10m"

[[policy.step]]
after = "0s"
tell = ["desk"]

[[policy.step]]
after = "10m"
tell = ["rota/leaders"]
"""
_ROTAS: Final = """\
{rotas_are}
[[rota]]
name = "leaders"
begins = "2026-01-05"
handover = "08:00"
length = "1d"
timezone = "Asia/Shanghai"

[[rota.turn]]
people = ["leader-1"]

[[rota.turn]]
people = ["leader-2"]

{groups_are}
[[group]]
name = "leadership"
members = ["role/shift_leader", "person/director-1"]
need = "one"
"""
_CONTACTS: Final = """\
{contacts_are}
[[contact]]
person = "leader-1"
reach = {{ voice = "0755 5550 0101", sms = "0755 5550 0101", mail = "leader-1@bank.example" }}
order = ["sms", "voice", "mail"]

[[contact]]
person = "leader-2"
reach = {{ voice = "0755 5550 0102", sms = "0755 5550 0102" }}
order = ["sms", "voice"]

[[contact]]
person = "director-1"
reach = {{ voice = "0755 5550 0103", sms = "0755 5550 0103" }}
order = ["voice", "sms"]

{sites_are}
[[site]]
unit = "{unit}"
name = "{contact}"
reach = {{ sms = "0755 5550 0131" }}
security_officers = ["officer-1"]
"""
_PROCEDURES: Final = """\
{procedures_are}
[[procedure]]
name = "{hold_up}"
when = {{ kinds = ["zone.hold_up", "zone.duress"] }}

[[procedure.step]]
kind = "look"
text = "{look}"

[[procedure.step]]
kind = "police"
text = "{police}"
number = "110"

[[procedure.step]]
kind = "note"
text = "{note}"
required = false

[[procedure]]
name = "{any_alarm}"

[[procedure.step]]
kind = "look"
text = "{look}"

[[procedure.step]]
kind = "call"
text = "{call}"
number = "0755 5550 0131"
required = false
"""
_CALENDAR: Final = """\
{centre_calendar_is}
[calendar]
country = "CN"
holidays = []
working = []
"""

NAMES: Final = {
    "gravest": N_("levels I and II"),
    "others": N_("everything else"),
    "contact": N_("branch manager on duty"),
    "hold_up": N_("hold-up"),
    "any_alarm": N_("any alarm"),
    "look": N_("Look at the cameras: who is in the hall, is anybody hurt?"),
    "police": N_("Call the police; say branch, what is seen, and who speaks."),
    "note": N_("Write down what was seen, in the order it happened."),
    "call": N_("Call the branch and ask what happened."),
}
COMMENTS: Final = {
    "policies_are": N_(
        "Who is told when nobody takes an alarm. The policy that fits closest holds: unit, sites, kinds, levels, hours."
    ),
    "repeat_is": N_("the last step again, so often, until"),
    "until_is": N_("somebody takes it; or dispatched, resolved"),
    "by_is": N_("channels of collector.toml, tried in this order"),
    "police_is": N_("Where collector.toml has a [[receiver]] police, it is told beside the desk:"),
    "others_are": N_("Names no levels, so it is for every other alarm: without such a one there would be a hole."),
    "rotas_are": N_(
        "Whose turn it is: one day each, from 08:00 on. Who stands in for whom is entered at the desk, not here."
    ),
    "groups_are": N_("People who are told together; with all, the chain goes on until each has answered."),
    "contacts_are": N_("Where people of collector.toml are reached: channel = address. Then in which order."),
    "sites_are": N_("Whom to reach at a site, or at every site of a unit, and who answers for its guard."),
    "procedures_are": N_("What is to be done, step by step; an alarm is resolved when each required one is."),
    "centre_calendar_is": N_("Days off and weekends that are worked, for deadlines that weekends and holidays extend."),
}
FILES: Final[Mapping[str, str]] = {
    "policies.toml": _POLICIES,
    "rotas.toml": _ROTAS,
    "contacts.toml": _CONTACTS,
    "procedures.toml": _PROCEDURES,
    "calendar.toml": _CALENDAR,
}
