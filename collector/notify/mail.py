"""A channel by the bank's mail server. The collector's only file that knows aiosmtplib.

One connection a message: mail is never so urgent that a server's forgotten connection may cost a minute. Nothing is
sent in clear that was to be encrypted. Flow: sender.py -> here -> SMTP.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final

import aiosmtplib

from collector.notify.port import Message, Outcome, Sent, failed

logging.getLogger("mail.log").setLevel(logging.CRITICAL)

MAX_ADDRESS: Final = 128


@dataclass(frozen=True, kw_only=True, repr=False)
class MailServer:
    """Where mail is handed over; `tls` is None for a line in clear, `starttls` begins one within it."""

    host: str
    port: int
    sender: str
    tls: ssl.SSLContext | None = None
    starttls: bool = False
    user: str = ""
    password: str = ""
    connect_s: float = 5.0
    answer_s: float = 10.0


class Mail:
    """The bank's mail server as a channel."""

    def __init__(self, server: MailServer, now_s: Callable[[], int]) -> None:
        self._server, self._now_s = server, now_s

    async def send(self, message: Message) -> Sent:
        """Hand it to the server; only its word 2xx for the one recipient counts."""
        server = self._server
        try:
            mail = self._mail(message)
        except (ValueError, MessageError, IndexError):
            return failed("no_address", again=False)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            timeout=server.answer_s,
            use_tls=server.tls is not None and not server.starttls,
            start_tls=server.starttls,
            tls_context=server.tls,
            local_hostname="branchwatch",
        )
        try:
            async with asyncio.timeout(server.answer_s):
                async with asyncio.timeout(server.connect_s):
                    await client.connect()
                if server.user:
                    await client.login(server.user, server.password)
                await client.send_message(mail, sender=server.sender, recipients=[message.to])
        except aiosmtplib.SMTPAuthenticationError:
            return failed("login_refused", again=False)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(max((each.code for each in error.recipients), default=0))
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code)
        except (aiosmtplib.SMTPConnectError, ConnectionError):
            return failed("unreachable")
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return failed("too_slow")
        except (aiosmtplib.SMTPException, ssl.SSLError, OSError, ValueError):
            return failed("garbage")
        finally:
            client.close()
        return Sent(outcome=Outcome.SENT)

    async def close(self) -> None:
        """Nothing is held."""

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        name, _, domain = message.to.rpartition("@")
        if not name or not domain or len(message.to) > MAX_ADDRESS or not message.to.isprintable():
            raise ValueError("no mail address")
        mail["From"] = self._server.sender
        mail["To"] = Address(username=name, domain=domain)
        mail["Subject"] = _unfolded(message.subject)
        mail["Date"] = formatdate(self._now_s())
        # The same in every try: a server that took it twice can show it once.
        mail["Message-ID"] = f"<{message.id}@branchwatch>"
        mail["Auto-Submitted"] = "auto-generated"
        if message.level == 1:
            mail["Importance"] = "high"
        mail.set_content(message.body)
        return mail


def _unfolded(text: str) -> str:
    """A subject that is one line whatever names stand in it.

    The library decodes `=?utf-8?q?=0a...?=` in what it is given and would write the line break, and so a header.
    """
    plain = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(plain.replace("=?", "= ?").split())


def _refused(code: int) -> Sent:
    return failed(f"refused {code}", again=not 500 <= code < 600)
