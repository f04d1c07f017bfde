"""A real mail server (aiosmtpd) that takes mail, refuses it, or says nothing at all; plain, STARTTLS or TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


@dataclass
class MailPeer:
    """What came; `refuse` answers a recipient, `password` asks for a login."""

    refuse: str = ""
    password: str = ""
    hang: bool = False
    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        """A recipient."""
        if self.hang:
            await asyncio.Event().wait()
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the same
        """A mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def log_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        """Name and password."""
        good = isinstance(login, LoginPassword) and login.password == self.password.encode()
        return AuthResult(success=good, handled=good)


@asynccontextmanager
async def mail_peer(tls: ssl.SSLContext | None = None, **manner: Any) -> AsyncIterator[MailPeer]:
    """A server on loopback; with `tls` it demands STARTTLS."""
    peer = MailPeer(**manner)
    loop = asyncio.get_running_loop()

    def made() -> SMTP:
        return SMTP(
            peer,
            hostname="mail.test",
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=peer.log_in if peer.password else None,
            auth_required=bool(peer.password),
            auth_require_tls=tls is not None,
            loop=loop,
        )

    server = await loop.create_server(made, "127.0.0.1", 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
