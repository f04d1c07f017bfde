"""A site's secrets: camera passwords, panel keys, opened by name when a driver needs one, and kept nowhere.

They stand sealed in the bundle in force (docs/trust.md 4.1); only the box's sealing key, behind its port, opens them. A
`Secret` shows itself in no log. Flow: bundle -> here -> the driver that logs in, which holds it no longer than that.
"""

import hashlib
from collections.abc import Mapping
from typing import Protocol

from protocol.sealing import SealingError
from protocol.settings import Secret
from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


class SecretError(SaidError):
    """A secret cannot be had; the message names it and never what it is."""


class SealingKey(Protocol):
    """The part of the key store (`keystore.py`) that opens what was sealed to this box."""

    def open_secret(self, sealed: str, *, box: str, name: str) -> bytes:
        """What was sealed. Raises: SealingError, SaidError (the key cannot be had)."""


class Secrets:
    """The secrets of one bundle."""

    def __init__(self, box: str, sealed: Mapping[str, str], pending: frozenset[str], key: SealingKey) -> None:
        self._box = box
        self._sealed = dict(sealed)
        self.pending = pending
        self._key = key

    def open(self, name: str) -> Secret:
        """The secret of this name.

        Raises:
            SecretError: it is not sealed yet, not in the bundle, or not for this box's key.
        """
        if name in self.pending:
            raise SecretError(
                N_("the secret {name} is not sealed to this box yet: a newer site bundle brings it"), name=name
            )
        if name not in self._sealed:
            raise SecretError(N_("the site bundle holds no secret {name}"), name=name)
        try:
            return Secret(self._key.open_secret(self._sealed[name], box=self._box, name=name).decode())
        except (SealingError, SaidError, UnicodeDecodeError):
            raise SecretError(N_("the secret {name} does not open with this box's key"), name=name) from None

    def seal(self, name: str) -> str:
        """A mark of the secret as it is sealed in this bundle, and of nothing in it: another when it is sealed anew."""
        return hashlib.sha256(self._sealed.get(name, "").encode()).hexdigest()[:16]

    def opens(self, name: str, sealed: str) -> bool:
        """Whether this box's key opens what is sealed under a name in a bundle that is not in force yet."""
        try:
            self._key.open_secret(sealed, box=self._box, name=name)
        except (SealingError, SaidError):
            return False
        return True
