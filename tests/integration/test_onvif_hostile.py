"""ONVIF devices that answer as none should: one word each, within limits and time; our login goes nowhere else."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from agent.drivers.onvif.client import MAX_ANSWER
from agent.drivers.onvif.device import OnvifDevice
from agent.drivers.trouble import DeviceError, Trouble
from tests.http_device import http_device, reply

SOAP = "Content-Type: application/soap+xml; charset=utf-8"
ENVELOPE = '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">'


def envelope(body: str, head: str = "") -> str:
    """A SOAP message."""
    return f"{head}{ENVELOPE}<s:Body>{body}</s:Body></s:Envelope>"


INFORMATION = (
    '<d:GetDeviceInformationResponse xmlns:d="http://www.onvif.org/ver10/device/wsdl"><d:Manufacturer>{}'
    "</d:Manufacturer><d:Model>m</d:Model><d:FirmwareVersion>1</d:FirmwareVersion><d:SerialNumber>1</d:SerialNumber>"
    "<d:HardwareId>1</d:HardwareId></d:GetDeviceInformationResponse>"
)
LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
ATTRIBUTES = "<a " + " ".join(f"a{number}='1'" for number in range(40_000)) + "/>"
FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{}</s:Value></s:Subcode></s:Code>"
    "<s:Reason><s:Text>{}</s:Text></s:Reason></s:Fault>"
)
SERVICES = (
    '<d:GetServicesResponse xmlns:d="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:o="http://www.onvif.org/ver10/schema"><d:Service><d:Namespace>http://www.onvif.org/ver10/media/wsdl'
    "</d:Namespace><d:XAddr>http://10.0.0.9/m</d:XAddr><d:Version><o:Major>2</o:Major><o:Minor>0</o:Minor></d:Version>"
    "</d:Service></d:GetServicesResponse>"
)


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (reply(envelope(INFORMATION.format("&c;"), LAUGHS), "200 OK", SOAP), Trouble.BROKEN),
        (reply(envelope("<a>" * 5_000 + "</a>" * 5_000), "200 OK", SOAP), Trouble.BROKEN),
        (reply("x" * (MAX_ANSWER + 1), "200 OK", SOAP), Trouble.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_ANSWER + 1), Trouble.TOO_LARGE),
        (reply(envelope(ATTRIBUTES), "200 OK", SOAP), Trouble.TOO_LARGE),
        (reply(zlib.compress(b"x" * 1000), "200 OK", SOAP, "Content-Encoding: deflate"), Trouble.BROKEN),
        (reply("--a\r\n", "200 OK", "Content-Type: multipart/related; boundary=a"), Trouble.BROKEN),
        (reply("", "302 Found", "Location: http://192.0.2.1/"), Trouble.BROKEN),
        (reply("<html>Welcome</html>", "200 OK", "Content-Type: text/html"), Trouble.BROKEN),
        (reply("", "200 OK", SOAP), Trouble.BROKEN),
        (reply("\x00\x01", "200 OK", SOAP), Trouble.BROKEN),
        (reply("", "503 Service Unavailable"), Trouble.BUSY),
        (reply("", "404 Not Found"), Trouble.NOT_FOUND),
        (reply("", "403 Forbidden"), Trouble.NOT_ALLOWED),
        (reply(envelope(FAULT.format("ter:NotAuthorized", "no")), "400 Bad Request", SOAP), Trouble.LOGIN_REFUSED),
        (reply(envelope(FAULT.format("wsse:FailedAuthentication", "no")), "200 OK", SOAP), Trouble.LOGIN_REFUSED),
        (reply(envelope(FAULT.format("ter:OperationProhibited", "locked")), "400 Bad", SOAP), Trouble.NOT_ALLOWED),
        (reply(envelope(FAULT.format("ter:Action", "maximum number of users")), "500 Oh", SOAP), Trouble.BUSY),
        (reply(envelope(FAULT.format("ter:ActionNotSupported", "what?")), "400 Bad", SOAP), Trouble.REFUSED),
        (b"SSH-2.0-dropbear\r\n", Trouble.BROKEN),
        (b"", Trouble.BROKEN),
    ],
)
async def test_one_word_for_each(answer: bytes, trouble: Trouble) -> None:
    """Bombs, floods, encodings, redirections, pages, faults: told apart, and a full house is no wrong password."""
    with http_device(lambda path, body: answer) as served:
        device = OnvifDevice("127.0.0.1", served.port, "guard", "word")
        try:
            with pytest.raises(DeviceError) as caught:
                await asyncio.wait_for(device.open(), 30)
            assert caught.value.trouble is trouble
            assert "127.0.0.1" not in str(caught.value) + caught.value.detail
            signed = sum("Authorization" in each for each in served.requests)
            assert signed <= 1
        finally:
            await device.close()


async def test_a_password_is_never_sent_as_it_is() -> None:
    """What goes over the wire is a digest; the password stands in no request."""
    seen: list[bytes] = []

    def answer(path: str, body: bytes) -> bytes:
        seen.append(body)
        return reply(envelope(FAULT.format("ter:NotAuthorized", "no")), "400 Bad Request", SOAP)

    with http_device(answer) as served:
        device = OnvifDevice("127.0.0.1", served.port, "guard", "a very own word")
        with pytest.raises(DeviceError):
            await device.open()
        await device.close()
    assert sum(b"PasswordDigest" in each for each in seen) == 1, "one try"
    assert not any(b"a very own word" in each for each in seen)


async def test_a_right_that_is_missing_is_no_wrong_password() -> None:
    """Once the login was taken, what is refused later is `not_allowed`: the account is not to blame."""

    def answer(path: str, body: bytes) -> bytes:
        if b"GetDeviceInformation" in body:
            return reply(envelope(INFORMATION.format("x")), "200 OK", SOAP)
        if b"GetServices" in body:
            return reply(envelope(SERVICES), "200 OK", SOAP)
        if b"GetSystemDateAndTime" in body:
            return reply(envelope(FAULT.format("ter:ActionNotSupported", "no")), "400 Bad Request", SOAP)
        return reply(envelope(FAULT.format("ter:NotAuthorized", "no")), "400 Bad Request", SOAP)

    with http_device(answer) as served:
        device = OnvifDevice("127.0.0.1", served.port, "guard", "word")
        try:
            await device.open()
            with pytest.raises(DeviceError) as caught:
                await device.profiles()
            assert caught.value.trouble is Trouble.NOT_ALLOWED
            assert any("POST /m " in each for each in served.requests), "at our host, whatever host it named"
        finally:
            await device.close()
