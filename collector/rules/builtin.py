"""The rules that hold while a bank has loaded none: the desk at once, then the shift leaders, then the director. Data.

Everybody of these roles who may see the site is told; who they are stands in collector.toml.
"""

from datetime import timedelta
from typing import Final

from collector.rules.shapes import Policy, PolicyStep, Rules, When

_DIRECTOR_AFTER: Final = timedelta(minutes=2)

_RESPONSE: Final = {
    1: timedelta(seconds=30),
    2: timedelta(seconds=60),
    3: timedelta(seconds=90),
    4: timedelta(minutes=10),
}


def _policy(level: int, leader_after: timedelta) -> Policy:
    return Policy(
        name=f"built-in, level {level}",
        when=When(levels=(level,)),
        step=(
            PolicyStep(after=timedelta(0), tell=("desk",)),
            PolicyStep(after=leader_after, tell=("role/shift_leader",)),
            PolicyStep(after=leader_after + _DIRECTOR_AFTER, tell=("role/centre_director",)),
        ),
    )


BUILTIN: Final = Rules(
    policy=(
        *(_policy(level, after) for level, after in _RESPONSE.items()),
        Policy(name="built-in", step=(PolicyStep(after=timedelta(0), tell=("desk",)),)),
    )
)
