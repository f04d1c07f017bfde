"""The words of an alarm's life: moves, what they need, what is asked, why it is refused. Shapes only.

What they mean together is the table in `lifecycle.py`; its names are the API's and are never changed.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec

from collector.people import PersonRole
from collector.storage.records import AlarmState

MAX_NARRATIVE: Final = 4_000
"""Characters of a narrative or note: a long page."""


class Move(StrEnum):
    """What a person does with an alarm."""

    ACKNOWLEDGE = "acknowledge"  # 接警
    RELEASE = "release"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    VERIFY = "verify"
    DISPATCH = "dispatch"
    PARK = "park"
    RESOLVE = "resolve"
    REVIEW = "review"
    RETURN = "return"
    REOPEN = "reopen"
    CLOSE = "close"
    NOTE = "note"
    SCORE = "score"
    STEP = "step"


class Resolution(StrEnum):
    """How an alarm ended; statistics are made of these (DOMAIN 3)."""

    REAL = "real"  # 真实警情
    FALSE_ALARM = "false_alarm"  # 误报
    TEST = "test"  # 测试
    EQUIPMENT_FAULT = "equipment_fault"  # 设备故障
    RULE_BROKEN = "rule_broken"  # 违规操作


class Whom(StrEnum):
    """Who was sent."""

    POLICE = "police"
    GUARD = "guard"
    CONTACT = "contact"


class Verified(StrEnum):
    """How it was made sure that the risk is gone."""

    PHONE = "phone"
    VIDEO = "video"
    DOCUMENT = "document"
    ON_SITE = "on_site"


class Outcome(StrEnum):
    """What became of a step of a procedure."""

    DONE = "done"
    SKIPPED = "skipped"


class Way(StrEnum):
    """Where a move came from."""

    CONSOLE = "console"
    LINK = "link"
    REPLY = "reply"
    PROGRAM = "program"


class Refusal(StrEnum):
    """Why an action was not carried out."""

    NOT_FOUND = "not_found"  # no such alarm, or not in this person's unit
    NOT_ALLOWED = "not_allowed"  # none of the person's roles may do this
    NOT_HOLDER = "not_holder"  # another operator holds the alarm
    HOLDS_IT = "holds_it"  # the person itself holds it already
    HANDLED_IT = "handled_it"  # who handled an alarm does not judge it
    ORDERED_THERE = "ordered_there"  # who gave an order for its site while it was open does not review it
    WRONG_STATE = "wrong_state"  # the table has no such move from here
    CONFLICT = "conflict"  # the alarm changed since it was looked at
    INCOMPLETE = "incomplete"  # something that the move needs is missing or too long
    STEPS_OPEN = "steps_open"  # required steps of its procedure are neither done nor skipped
    STEP_UNKNOWN = "step_unknown"  # its procedure has no such step
    STEP_SETTLED = "step_settled"  # done or skipped already
    STEP_INCOMPLETE = "step_incomplete"  # what this kind of step needs is missing
    STEP_TOO_EARLY = "step_too_early"  # a wait is not over
    NO_HEIR = "no_heir"  # whom it is handed to does not handle, does not see the site, or has it
    NEVER_PARKED = "never_parked"  # level 1
    PARKED_LONG = "parked_long"  # its follow-up time is over: it is parked no more
    TOO_LONG = "too_long"  # parked until a time that is over, or more than a day away
    NOT_CORRECTED = "not_corrected"  # it stays open for the follow-up until the risk is gone


class Holder(StrEnum):
    """Who holds the alarm after a move."""

    SAME = "same"
    ASKER = "asker"
    NAMED = "named"
    NONE = "none"


class Need(StrEnum):
    """What a move is not done without."""

    TEXT = "text"
    RESOLUTION = "resolution"
    STEPS = "steps"  # every required step settled
    HEIR = "heir"  # `to` is a handler who may see the alarm
    OTHERS = "others"  # somebody else holds it
    WHOM = "whom"
    NOT_GRAVEST = "not_gravest"
    NOT_LATE = "not_late"  # its follow-up time is not over
    UNTIL = "until"
    NO_HANDLER = "no_handler"  # never had it
    NO_ORDER = "no_order"
    CORRECTED = "corrected"
    VERIFIED = "verified"
    SCORE = "score"
    STEP = "step"


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """One row: where it leads, who may, and what it needs."""

    to: AlarmState
    roles: frozenset[PersonRole]
    of_holder: bool = False
    leader_too: bool = True  # a shift leader may, also where another holds it
    holder: Holder = Holder.SAME
    handles: bool = False  # whoever does it is a handler of the alarm from then on
    needs: tuple[Need, ...] = ()


class Came(msgspec.Struct, frozen=True, kw_only=True):
    """From where a move was asked."""

    way: Way = Way.PROGRAM
    address: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do with an alarm; each move reads what it needs."""

    move: Move
    person: str
    roles: frozenset[PersonRole]
    text: str = ""
    resolution: str = ""
    to: str = ""
    whom: str = ""
    until_ms: int | None = None
    corrected: bool = False
    verified_by: str = ""
    score: int | None = None
    position: int | None = None
    outcome: str = ""
    result: Mapping[str, Any] = {}  # what a step's kind needs
    came: Came = Came()


class Stands(msgspec.Struct, frozen=True, kw_only=True):
    """How an alarm stands, as far as the table looks."""

    state: AlarmState
    holder: str | None = None
    level: int = 5
    handlers: frozenset[str] = frozenset()
    order_givers: frozenset[str] = frozenset()
    open_steps: tuple[int, ...] = ()
    heir: bool = False  # whether `to` may take it
    follow_by_ms: int | None = None
    now_ms: int = 0
