"""Which procedure is an alarm's: the most specific one that fits it. Pure.

Named sites count more than named kinds, those more than hours (on the site's clock), those more than the depth of a
unit; among equals the first of the file. Flow: progress.py asks with an alarm, the rules and the time.
"""

from collections.abc import Sequence

from collector.escalation.chains import fits
from collector.escalation.records import Watched
from collector.rules.shapes import Procedure, When


def choose(procedures: Sequence[Procedure], alarm: Watched, at_ms: int) -> Procedure | None:
    """The procedure of an alarm at this time; None where no one thought of it."""
    fitting = [each for each in procedures if fits(each.when, alarm, at_ms)]
    return max(fitting, key=lambda each: specific(each.when), default=None)


def specific(when: When) -> tuple[bool, bool, bool, int]:
    """How narrow it is; `max` keeps the first of equals, which is file order."""
    return bool(when.sites), bool(when.kinds), when.hours is not None, len(when.unit.split("/")) if when.unit else 0
