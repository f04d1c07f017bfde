"""`branchwatch agent probe`: one look at a camera, a stream or a recorder, before it stands in a site file.

The password comes from the terminal or the first line of standard input, never from the command line. Exit codes: 0 it
can be used, 1 it cannot, 2 the input is wrong, 3 it cannot be reached. Flow: command.py -> here -> probing/probes.py.
"""

import argparse
import asyncio
import getpass
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from agent.drivers.trouble import SENTENCES, Trouble
from agent.state_option import STATE
from protocol.site.addresses import AddressError, parse_address
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from protocol.texts import told

DONE, SAYS_NO, INPUT_WRONG, UNREACHED = 0, 1, 2, 3
MAX_CHANNELS: Final = 64

STEPS: Final = {
    "login": N_("login"),
    "clock": N_("clock"),
    "profiles": N_("profiles"),
    "stream": N_("stream"),
    "rtsp": N_("stream"),
    "snapshot": N_("still picture"),
    "presets": N_("presets"),
    "inputs": N_("inputs"),
    "events": N_("events"),
    "recordings": N_("recordings"),
    "oldest": N_("recordings"),
    "disks": N_("disks"),
}
NEXT: Final = {
    "unreachable": N_("is the address right, and is the device powered and in this network? Try: ping"),
    "silent": N_("restart the device; if it stays so, its ONVIF or HTTP service hangs"),
    "login_refused": N_("check name and password on the device's own page, and wait 5 minutes: devices lock accounts"),
    "not_allowed": N_(
        "give this user the right to live pictures, playback and events; a locked account opens by itself"
    ),
    "busy": N_("end other viewers of this device, or raise its limit of sessions"),
    "not_found": N_("take the stream's address from `branchwatch agent probe onvif`, or from the maker's page"),
    "broken": N_("is the port right, and a recorder's --protocol? ONVIF is often at 80, 8000 or 8899, and must be on"),
    "too_large": N_("the device answers in no sane way: look for newer firmware"),
    "refused": N_("the device cannot do this; the rest may be used"),
}
NAMELESS: Final = N_("it asks for a login: name the user with --user")
LOGINS: Final = frozenset({"login_refused", "not_allowed"})
EVENTS: Final = {
    "input": N_("inputs"),
    "motion": N_("motion"),
    "tamper": N_("tamper"),
    "signal_loss": N_("signal loss"),
    "storage": N_("storage"),
}

Say = Callable[[str], str]


def add_probe_words(words: "argparse._SubParsersAction[argparse.ArgumentParser]", say: Say) -> None:
    """Teach `agent` its word about single devices."""
    does = say("look at one camera, stream or recorder: what it is, what it can, what is wrong")
    probe = words.add_parser(
        "probe",
        help=does,
        description=does,
        epilog=say("example:")
        + "\n  branchwatch agent probe onvif 192.0.2.21 --user branchwatch"
        + "\n  branchwatch agent probe rtsp rtsp://192.0.2.21/stream2 --user branchwatch < password.txt"
        + "\n  branchwatch agent probe recorder 192.0.2.40 --protocol hikvision --user branchwatch",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    probe.add_argument("kind", choices=("onvif", "rtsp", "recorder"), help=say("what it is"))
    probe.add_argument("address", metavar="ADDRESS", help=say("host, host:port, or a stream's rtsp:// address"))
    probe.add_argument("--user", metavar="NAME", default="", help=say("log in as; the password is asked for"))
    probe.add_argument(
        "--protocol", choices=("onvif", "hikvision", "dahua"), default="onvif", help=say("of a recorder")
    )
    probe.add_argument("--stream", choices=("sub", "main"), default="sub", help=say("which stream is chosen"))
    probe.add_argument("--channels", type=int, default=16, metavar="N", help=say("look at the first N channels"))
    probe.add_argument("--timezone", default="Asia/Shanghai", metavar="NAME", help=say("of a recorder that says none"))
    probe.add_argument(
        "--state",
        dest="ledger",
        type=Path,
        default=STATE,
        metavar="DIR",
        help=say("the agent's folder; /var/lib/branchwatch if not said"),
    )
    probe.add_argument("--anyway", action="store_true", help=say("log in although this box was refused there lately"))
    probe.add_argument("--json", action="store_true", help=say("for a program"))
    probe.set_defaults(run=_probe)


def _probe(arguments: argparse.Namespace, say: Say) -> int:
    from agent.probing.ledger import next_try

    if fault := _fault(arguments, say):
        print(f"branchwatch agent probe: {fault}", file=sys.stderr)
        return INPUT_WRONG
    due = next_try(arguments.ledger, _host(arguments.address), datetime.now(UTC))
    if due is not None and arguments.user and not arguments.anyway:
        text = say("this box was refused there; its next try is at {time}. Another bad login may lock the account.")
        print(text.format(time=due.astimezone().strftime("%H:%M:%S")), file=sys.stderr)
        print(f"{say('next step:')} {say('put the login right first; --anyway tries now')}", file=sys.stderr)
        return SAYS_NO
    password = _password(say) if arguments.user else ""
    seen = asyncio.run(_look(arguments, password))
    if arguments.json:
        print(json.dumps(seen, ensure_ascii=False))
    else:
        for line in lines(arguments.kind, arguments.address, seen, say, nameless=not arguments.user):
            print(line)
    return _code(seen)


async def _look(arguments: argparse.Namespace, password: str) -> dict[str, Any]:
    from agent.probing import probes

    if arguments.kind == "rtsp":
        return await probes.rtsp(arguments.address, arguments.user, password)
    host, port = parse_address(arguments.address, 80)
    if arguments.kind == "onvif":
        return await probes.onvif(host, port, arguments.user, password, arguments.stream)
    return await probes.recorder(
        arguments.protocol,
        host,
        port,
        arguments.user,
        password,
        timezone=arguments.timezone,
        channels=arguments.channels,
    )


def lines(kind: str, address: str, seen: dict[str, Any], say: Say, *, nameless: bool = False) -> Iterator[str]:
    """What was seen, for a person; `nameless`: nobody logged in."""
    if device := seen.get("device"):
        parts = (device["maker"], device["model"], device["firmware"], device["serial"])
        yield f"{say('device')}: {', '.join(part for part in parts if part)}"
    if (off := seen.get("clock_off_s")) is not None:
        text = say("clock: {seconds} s from this machine's")
        if abs(off) > 5:
            text = say("clock: {seconds} s from this machine's; more than 5 is told as a fault. Set its NTP server.")
        yield text.format(seconds=f"{off + 0.0:+.1f}")
    yield from _stream_lines(seen, say)
    if seen.get("presets"):
        yield f"{say('presets')}: {', '.join(seen['presets'])}"
    if kind == "onvif" and "device" in seen:
        yield _event_line(seen, say)
    if "recordings" in seen:
        yield say("recordings: {count}").format(count=seen["recordings"])
    yield from _channel_lines(seen, say)
    for disk in seen.get("disks", ()):
        text = say("disk {name}: well ({state})") if disk["well"] else say("disk {name}: NOT WELL ({state})")
        yield text.format(name=disk["name"], state=disk["state"] or "-")
    for trouble in seen["troubles"]:
        word = trouble["trouble"]
        step, what = (
            say(STEPS.get(trouble["step"], trouble["step"])),
            say(SENTENCES[Trouble(word)] if word in SENTENCES else word),
        )
        detail = f" ({trouble['detail']})" if trouble["detail"] else ""
        yield f"{step}: {address} {what}{detail}"
        yield f"  {say('next step:')} {say(NAMELESS if nameless and word in LOGINS else _next(trouble['step'], word))}"
    if _code(seen) == DONE:
        yield f"{say('next step:')} {say(_THEN[kind])}"


def _next(step: str, word: str) -> str:
    """A device that does not even understand a login is perhaps no such device."""
    if step == "login" and word in {"refused", "not_found", "too_large"}:
        word = "broken"
    return NEXT.get(word, NEXT["refused"])


_THEN: Final = {
    "onvif": N_("write it as [[camera]] with this address into the site file"),
    "rtsp": N_('write it as [[camera]] with protocol = "rtsp" and this address into the site file'),
    "recorder": N_('write it as [[recorder]] into the site file, and recorder = "ID/CHANNEL" at each [[camera]]'),
}


def _stream_lines(seen: dict[str, Any], say: Say) -> Iterator[str]:
    for each in seen.get("streams", ()):
        size = f"{each['width']}x{each['height']}" if each["width"] else "?"
        text = say("stream {name}: {size}, {fps} a second, {codec}, {url}")
        if each["chosen"]:
            text = say("stream {name}: {size}, {fps} a second, {codec}, {url}  <- chosen")
        yield text.format(
            name=each["name"] or each["profile"],
            size=size,
            fps=each["fps"] or "?",
            codec=each["codec"] or "?",
            url=each["url"] or "-",
        )
    if rtsp := seen.get("rtsp"):
        text = say("the stream answers: {codec}, login {login}")
        yield text.format(codec=rtsp["codec"] or "?", login=rtsp["login"] or "-")


def _event_line(seen: dict[str, Any], say: Say) -> str:
    if seen.get("events") is None:
        return say("events: none; digital inputs of this camera cannot be zones")
    told = ", ".join(say(EVENTS.get(each, each)) for each in seen["events"]) or "-"
    return say("events: {told}; digital inputs: {count}").format(told=told, count=seen.get("inputs", 0))


def _channel_lines(seen: dict[str, Any], say: Say) -> Iterator[str]:
    for each in seen.get("channels", ()):
        text = say("channel {channel} {name}: from {oldest} to {newest}, {days} days")
        if each["newest"] is None:
            text = say("channel {channel} {name}: no recordings")
        yield text.format(
            channel=each["channel"],
            name=each["name"],
            oldest=each["oldest"] or "?",
            newest=each["newest"],
            days=each["days"] if each["days"] is not None else "?",
        )


def _fault(arguments: argparse.Namespace, say: Say) -> str:
    if not 1 <= arguments.channels <= MAX_CHANNELS:
        return say("--channels takes a number from 1 to {most}").format(most=MAX_CHANNELS)
    try:
        ZoneInfo(arguments.timezone)
    except (KeyError, ValueError, OSError):
        return say("{name} is no time zone; one is Asia/Shanghai").format(name=arguments.timezone)
    if arguments.kind == "rtsp":
        from agent.drivers.rtsp.address import RtspAddressError, parse_stream

        try:
            parse_stream(arguments.address)
        except RtspAddressError:
            return say(
                "{address}: must be an address like rtsp://192.0.2.21/stream2, without name and password"
            ).format(address=_shown(arguments.address))
        return ""
    try:
        parse_address(arguments.address, 80)
    except AddressError as error:
        return f"{_shown(arguments.address)}: {told(error, say)}"
    return ""


def _shown(address: str) -> str:
    """An address as it may be printed: what stands before an @ may be a password."""
    return address.rpartition("@")[2]


def _host(address: str) -> str:
    from agent.logins import host_of

    return host_of(address)


def _password(say: Say) -> str:
    if sys.stdin.isatty():
        return getpass.getpass(say("password: "))
    return sys.stdin.readline(1024).rstrip("\r\n")


def _code(seen: dict[str, Any]) -> int:
    words = {each["trouble"] for each in seen["troubles"]}
    if words & {"unreachable", "silent"}:
        return UNREACHED
    usable = "device" in seen or "rtsp" in seen
    return SAYS_NO if not usable or words - {"refused"} else DONE
