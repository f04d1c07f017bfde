"""The yardstick: how many ES256 signatures one core of this machine verifies in a second, with nothing around it."""

import os
import time
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

MESSAGE_BYTES: Final = 1_100
"""The signing input of a single-event envelope."""
FOR_S: Final = 0.5
AT_ONCE: Final = 500


class VerifyRate:
    """One key, one message, verified again and again in one thread."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._public = key.public_key()
        self._algorithm = ec.ECDSA(SHA256())
        self._message = os.urandom(MESSAGE_BYTES)
        self._signature = key.sign(self._message, self._algorithm)

    def measure(self) -> float:
        """Signatures verified in a second, over FOR_S seconds."""
        verify, signature = self._public.verify, self._signature
        message, algorithm = self._message, self._algorithm
        count, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < FOR_S:
            for _ in range(AT_ONCE):
                verify(signature, message, algorithm)
            count += AT_ONCE
        return count / passed
