"""The demo's rules of escalation: who is told of an alarm that nobody takes, so soon that people see it. Pure text.

They stand in `inventory/centre` as a bank's own do, and `branchwatch collector rules load` brings them to the centre.
Flow: demo.py -> here -> the inventory's folder.
"""

from collections.abc import Mapping
from typing import Final

from simulator.demo_people import DIRECTOR, LEADER, OFFICERS, ON_CALL, UNIT

LEADER_S: Final = 20
DIRECTOR_S: Final = 40
"""Seconds after the opening; a bank's own are 30 s to 10 min."""

SMS: Final = "sms"
VOICE: Final = "voice"
CHANNELS: Final = (SMS, VOICE)
"""Both end in the page with everybody's telephone."""

CALENDAR: Final = '[calendar]\ncountry = "none"\n'
"""Monday to Friday: a demo runs in January too, when nobody may have said yet which days of the year are worked."""


def rules_files(language: str) -> Mapping[str, str]:
    """The files of the folder, by name."""
    words = _WORDS[language]
    return {
        "policies.toml": _POLICIES.format(leader=LEADER_S, director=DIRECTOR_S, **words),
        "rotas.toml": _ROTAS,
        "contacts.toml": "\n".join([*(_contact(seat.id, language) for seat in ON_CALL), _site(language)]),
        "procedures.toml": _PROCEDURES.format(**words),
        "calendar.toml": CALENDAR,
    }


def _contact(person: str, language: str) -> str:
    first = VOICE if person == DIRECTOR.id else SMS
    second = SMS if first == VOICE else VOICE
    return _CONTACT.format(person=person, sms=SMS, voice=VOICE, first=first, second=second, language=language)


def _site(language: str) -> str:
    officers = ", ".join(f'"{officer.id}"' for officer in OFFICERS)
    return _SITE.format(unit=UNIT, officers=officers, language=language, sms=SMS, **_WORDS[language])


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": {
        "grave": "一至三级警情",
        "others": "其他警情",
        "manager": "网点负责人",
        "hold_up": "紧急报警",
        "any": "一般警情",
        "look": "查看摄像机：厅内有谁，是否有人受伤？",
        "police": "拨打110：说明网点、看到的情况和本人姓名。",
        "call": "致电网点，询问情况。",
    },
    "en": {
        "grave": "levels I to III",
        "others": "everything else",
        "manager": "branch manager",
        "hold_up": "hold-up",
        "any": "any alarm",
        "look": "Look at the cameras: who is in the hall, is anybody hurt?",
        "police": "Call the police; say branch, what is seen, and who speaks.",
        "call": "Call the branch and ask what happened.",
    },
}
_POLICIES: Final = """\
[[policy]]
name = "{grave}"
when = {{ levels = [1, 2, 3] }}
repeat = "5m"

[[policy.step]]
after = "0s"
tell = ["desk"]

[[policy.step]]
after = "{leader}s"
tell = ["rota/leaders"]

[[policy.step]]
after = "{director}s"
tell = ["role/centre_director"]

[[policy]]
name = "{others}"
repeat = "30m"

[[policy.step]]
after = "0s"
tell = ["desk"]

[[policy.step]]
after = "10m"
tell = ["rota/leaders"]
"""
_ROTAS: Final = f"""\
[[rota]]
name = "leaders"
begins = "2026-01-05"
handover = "08:00"

[[rota.turn]]
people = ["{LEADER.id}"]
"""
_CONTACT: Final = """\
[[contact]]
person = "{person}"
reach = {{ {sms} = "{person}", {voice} = "{person}" }}
order = ["{first}", "{second}"]
language = "{language}"
"""
_SITE: Final = """\
[[site]]
unit = "{unit}"
name = "{manager}"
reach = {{ {sms} = "branch" }}
security_officers = [{officers}]
language = "{language}"
"""
_PROCEDURES: Final = """\
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

[[procedure]]
name = "{any}"

[[procedure.step]]
kind = "look"
text = "{look}"
required = false

[[procedure.step]]
kind = "call"
text = "{call}"
number = "0755 5550 0131"
required = false
"""
