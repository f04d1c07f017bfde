"""The demo's view of the centre, over the same API that everybody uses (WIRE section 5). Knows no browser."""

import asyncio
import http.client
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from protocol.texts import SaidError
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

TIMEOUT_S: Final = 5.0


class ConsoleError(SaidError):
    """The centre gave no answer, or refused; the message says which."""


class Console:
    """Asks the centre with one person's token, in the language of whoever reads the answers."""

    def __init__(self, address: str, token: str, language: str) -> None:
        self._netloc = urlsplit(address).netloc
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}

    def as_person(self, token: str) -> "Console":
        """The same centre, asked by somebody else."""
        return Console(f"http://{self._netloc}", token, self._headers["Accept-Language"])

    async def get(self, path: str) -> Any:
        """The JSON behind `path`.

        Raises:
            ConsoleError: no answer, or another than 200.
        """
        return await asyncio.to_thread(self._ask, "GET", path, None, {})

    async def post(self, path: str, body: Mapping[str, Any], *, version: int | None = None) -> Any:
        """Post `body` there; `version` is the one that was looked at.

        Raises:
            ConsoleError: no answer, or another than 200.
        """
        headers = {"Content-Type": "application/json"} | ({} if version is None else {"If-Match": f'"{version}"'})
        return await asyncio.to_thread(self._ask, "POST", path, json.dumps(body).encode(), headers)

    def _ask(self, method: str, path: str, sent: bytes | None, headers: Mapping[str, str]) -> Any:
        connection = http.client.HTTPConnection(self._netloc, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, sent, {**self._headers, **headers})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != http.client.OK:
                raise ConsoleError(N_("the centre answers {status} to {path}"), status=answer.status, path=path)
            return json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ConsoleError(
                N_("the centre does not answer at {address}: {reason}"), address=self._netloc, reason=error
            ) from None
        finally:
            connection.close()
