"""TLS to a peer that only a pin will prove: the settings that box and centre must share. Opens no connection itself.

Neither root nor host name decides here, so nothing may be sent before `pinned_channel.check_channel` has judged the
certificate of this very connection. Flow: agent/enrolment_link.py, collector/enrolment.py -> here.
"""

import errno
import os
import ssl
import time
from typing import Any


def unproven_context(*, step_s: float, all_s: float) -> ssl.SSLContext:
    """TLS 1.3 for one connection that ends after `all_s`, however slowly the other side goes on; `step_s` for a step.

    Whoever stands in between and lets a byte through now and then would otherwise hold the caller for hours.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the pin decides, before anything is sent
    context.sslsocket_class = _impatient(step_s, time.monotonic() + all_s)
    return context


def _impatient(step_s: float, until_s: float) -> type[ssl.SSLSocket]:
    class Impatient(ssl.SSLSocket):
        def read(self, len: int = 1024, buffer: Any = None) -> bytes:  # noqa: A002 - its name there
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            self.settimeout(min(step_s, left_s))
            return super().read(len, buffer)

    return Impatient
