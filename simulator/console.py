"""The demo's view of the centre, over the same API that everybody uses (WIRE section 5). Knows no browser."""

import asyncio
import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 5.0


class ConsoleError(Exception):
    """The centre gave no answer, or refused; the message says which."""


class Console:
    """Asks the centre with one person's token."""

    def __init__(self, address: str, token: str) -> None:
        self._netloc = urlsplit(address).netloc
        self._token = token

    async def get(self, path: str) -> Any:
        """The JSON behind `path`.

        Raises:
            ConsoleError: no answer, or another than 200.
        """
        return await asyncio.to_thread(self._get, path)

    def _get(self, path: str) -> Any:
        connection = http.client.HTTPConnection(self._netloc, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != http.client.OK:
                raise ConsoleError(f"the centre answers {answer.status} to {path}")
            return json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ConsoleError(f"the centre does not answer at {self._netloc}: {error}") from None
        finally:
            connection.close()
