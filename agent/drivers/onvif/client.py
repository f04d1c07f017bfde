"""Calls of one ONVIF device over HTTP: the only file that knows onvif-zeep-async, zeep and aiohttp.

Calls and translates, and decides nothing: it follows no redirection, reads at most MAX_ANSWER bytes and no document
type, answers a login's challenge once, and gives plain values. What calls mean stands in `device.py` and the pure files
beside it. Runs in the asker and in `agent probe`, never in the agent itself.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import onvif.client as library  # type: ignore[import-untyped]
from onvif.definition import SERVICES  # type: ignore[import-untyped]
from onvif.settings import DEFAULT_SETTINGS  # type: ignore[import-untyped]
from onvif.wsa import WsAddressingIfMissingPlugin  # type: ignore[import-untyped]
from onvif.zeep_aiohttp import AIOHTTPTransport  # type: ignore[import-untyped]
from zeep.helpers import serialize_object
from zeep.wsdl.utils import etree_to_string

from agent.drivers.onvif.logging_in import Way
from agent.drivers.safe_xml import XmlError, every, parse
from agent.drivers.trouble import DeviceError, Trouble

MAX_ANSWER: Final = 512 * 1024
"""Sixty-four events or fifty recordings are about 100 kB."""

MAX_TAG: Final = 32 * 1024
"""From one < to the next: of a hundred thousand attributes the parser takes seconds, and every other device waits."""

MAX_DEPTH: Final = 24
CONNECT_S: Final = 5.0
ANSWER_S: Final = 15.0

_BINDINGS: Final[Mapping[str, str]] = {"pull": "pullpoint", "lease": "subscription"}
"""Names here that the library calls otherwise."""

# What libraries log may hold addresses; huge trees and document types are what bombs are made of.
for _name in ("onvif", "zeep", "aiohttp"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)
DEFAULT_SETTINGS.xml_huge_tree = False
DEFAULT_SETTINGS.forbid_dtd = True


class Caller:
    """Calls of one device. Make it inside a running event loop; `close` it."""

    def __init__(self, user: str = "", password: str = "") -> None:
        self._user, self._password = user, password
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4, keepalive_timeout=4),
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        self._bare = _Transport(self._session)
        self._digest = _Transport(self._session)
        self._clients: dict[tuple[str, Way], Any] = {}
        self._offset: timedelta | None = None
        self.way = Way.NONE

    @property
    def offered(self) -> str:
        """The challenge with which it last refused one who was not logged in."""
        return self._bare.offered

    def log_in_by(self, way: Way, offset: timedelta | None) -> None:
        """How calls log in from now on; a token is signed with the device's own time.

        HTTP digest answers each call's own challenge: one made of an old challenge may count as a bad login.
        """
        self.way, self._offset = way, offset
        self._clients.clear()
        self._digest.digest = (
            (aiohttp.DigestAuthMiddleware(self._user, self._password, preemptive=False),) if way is Way.HTTP else ()
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, object],
        address: str,
        *,
        login: bool = True,
        extra_s: float = 0.0,
    ) -> Any:
        """One operation at an address, its answer as plain values. Raises: DeviceError."""
        proxy = await self._proxy(_BINDINGS.get(service, service), address, self.way if login else Way.NONE)
        try:
            async with asyncio.timeout(ANSWER_S + extra_s):
                answer = await getattr(proxy, operation)(**parameters)
            return _plain(serialize_object(answer, dict))  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise DeviceError(Trouble.SILENT) from None
        except aiohttp.ServerDisconnectedError:
            raise DeviceError(Trouble.BROKEN, "hung up") from None
        except (aiohttp.ClientConnectionError, OSError):
            raise DeviceError(Trouble.UNREACHABLE) from None
        except DeviceError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the library meets in an answer is the device's fault
            raise DeviceError(Trouble.BROKEN, type(error).__name__) from None

    async def _proxy(self, name: str, address: str, way: Way) -> Any:
        client = self._clients.get((name, way))
        if client is None:
            token = None
            if way is Way.TOKEN:
                token = library.UsernameDigestTokenDtDiff(self._user, self._password, self._offset, use_digest=True)
            file = Path(library.__file__).parent / "wsdl" / SERVICES[name]["wsdl"]
            client = self._clients[name, way] = library.ZeepAsyncClient(
                wsdl=await library._cached_document(str(file)),
                wsse=token,
                transport=self._digest if way is Way.HTTP else self._bare,
                settings=DEFAULT_SETTINGS,
                plugins=[WsAddressingIfMissingPlugin()],
            )
        return client.create_service(f"{{{SERVICES[name]['ns']}}}{SERVICES[name]['binding']}", address)


class _Answer:
    """What zeep wants of an answer."""

    def __init__(self, status: int, content: bytes) -> None:
        self.status_code = status
        self.headers = {"Content-Type": "application/soap+xml"}
        self.content = content
        self.encoding = None


class _Transport(AIOHTTPTransport):  # type: ignore[misc]
    """Sends one envelope and reads one answer, within limits."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        super().__init__(session=session)
        self.offered = ""
        self.digest: tuple[aiohttp.DigestAuthMiddleware, ...] = ()

    async def post_xml(self, address: str, envelope: Any, headers: Mapping[str, str]) -> _Answer:
        """One call."""
        async with self.session.post(
            address,
            data=etree_to_string(envelope),  # type: ignore[no-untyped-call]
            headers={"Content-Type": 'application/soap+xml; charset="utf-8"', **headers},
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_S),  # the caller has one for all
            allow_redirects=False,
            middlewares=self.digest,
        ) as answer:
            content = await _read(answer)
            if answer.status == 401:
                self.offered = answer.headers.get("WWW-Authenticate", "")[:512]
            if trouble := _STATUSES.get(answer.status):
                raise DeviceError(trouble, f"HTTP {answer.status}")
            if (fault := _fault_of(content)) is not None:
                raise fault
            if answer.status not in _SOAP_STATUSES:
                raise DeviceError(Trouble.BROKEN, f"HTTP {answer.status}")
            encoding = answer.headers.get("Content-Encoding", "identity")
            if encoding != "identity" or "multipart" in answer.content_type:
                raise DeviceError(Trouble.BROKEN, "encoded")
            return _Answer(answer.status, content)


_SOAP_STATUSES: Final = frozenset({200, 202, 400, 405, 500})
_STATUSES: Final[Mapping[int, Trouble]] = {
    401: Trouble.LOGIN_REFUSED,
    403: Trouble.NOT_ALLOWED,
    404: Trouble.NOT_FOUND,
    429: Trouble.BUSY,
    453: Trouble.BUSY,
    503: Trouble.BUSY,
}


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for piece in answer.content.iter_chunked(64 * 1024):
        content += piece
        if len(content) > MAX_ANSWER:
            raise DeviceError(Trouble.TOO_LARGE)
    if max(map(len, content.split(b"<"))) > MAX_TAG:
        raise DeviceError(Trouble.TOO_LARGE, "tag")
    return bytes(content)


def _fault_of(content: bytes) -> DeviceError | None:
    """What a SOAP fault means, by its words: codes of undeclared prefixes too, which some devices send."""
    if b"Fault" not in content:
        return None
    try:
        fault = next(every(parse(content), "Fault"), None)
    except XmlError:
        return None
    if fault is None:
        return None
    said = " ".join(" ".join((each.text or "").split()) for each in fault.iter())[:1000]
    words = said.lower()
    trouble = next((trouble for trouble, of in _FAULTS if any(word in words for word in of)), Trouble.REFUSED)
    return DeviceError(trouble, said.strip())


_FAULTS: Final[tuple[tuple[Trouble, tuple[str, ...]], ...]] = (
    (Trouble.NOT_ALLOWED, ("locked", "operationprohibited")),
    (Trouble.LOGIN_REFUSED, ("notauthorized", "failedauthentication", "not authorized", "unauthorized")),
    (Trouble.BUSY, ("maximum", "too many", "max", "limit", "resourceunavailable", "busy")),
)
"""Words of faults, in small letters; the first that is found counts."""


def _plain(value: Any, depth: int = 0) -> Any:
    """Dictionaries, lists and plain values; what is deeper than answers are becomes None."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, dict):
        return {str(name): _plain(each, depth + 1) for name, each in value.items() if name != "_raw_elements"}
    if isinstance(value, (list, tuple)):
        return [_plain(each, depth + 1) for each in value]
    if value is None or isinstance(value, (str, int, float, bool, datetime)):
        return value
    return _element(value, depth) if hasattr(value, "iterchildren") else str(value)[:512]


def _element(element: Any, depth: int) -> Any:
    """An element that the library left as it was: its attributes, its children by local name, or its text."""
    found: dict[str, Any] = {str(name).rpartition("}")[2]: each for name, each in element.attrib.items()}
    for child in element.iterchildren("{*}*"):
        entries = found.setdefault(str(child.tag).rpartition("}")[2], [])
        if isinstance(entries, list):
            entries.append(_plain(child, depth + 1))
    return found or element.text
