"""The argon2id hash of a person's code, with the costs that a box can bear. The bank's adapter to argon2."""

from typing import Final

from argon2 import PasswordHasher

from protocol.codes import MEMORY_KIB, PARALLELISM, TIME_COST

_HASHER: Final = PasswordHasher(time_cost=TIME_COST, memory_cost=MEMORY_KIB, parallelism=PARALLELISM)


def hash_of(code: str) -> str:
    """One word of a secret's text; another one each time."""
    return _HASHER.hash(code)
