"""`branchwatch demo`: a whole bank on this machine. Broker, centre, branches and their boxes, on loopback.

The shell that puts the parts together in order, waits, and takes them down again; certificates and settings come from
demo_folder.py, processes from children.py, what is played from story.py.
"""

import argparse
import asyncio
import secrets
import signal
import sys
import webbrowser
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from protocol.texts import Texts, texts_for_user, told, user_language
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from simulator.bank import Bank, Wired
from simulator.branch import BranchServer
from simulator.branch_cameras import MOST, BranchCameras, hall_clip
from simulator.children import ChildEndedError, Children, CommandFailedError, run_command
from simulator.claiming import HOST, USUAL_PORT, ClaimedError, alone, console_port, free_port, free_port_of_both, held
from simulator.closing import closing_time
from simulator.collector_toml import Ports, collector_toml
from simulator.console import Console, ConsoleError
from simulator.deeds import keep_dialling
from simulator.demo_file import NAME as DEMO_FILE
from simulator.demo_file import (
    BrokerAccess,
    DemoFile,
    Login,
    Officer,
    PanelAccess,
    SeatAccess,
    SiteAccess,
    write_demo,
)
from simulator.demo_folder import COLLECTOR, DemoFolder, hash_password, make_certificates
from simulator.demo_people import ASLEEP, DESK, EVERYBODY, LEADER, OFFICERS, ON_CALL
from simulator.demo_rules import VOICE, rules_files
from simulator.escalating import escalating
from simulator.guarded import closing, usual_hours
from simulator.lasting import seconds
from simulator.phone_gateway import PhoneGateway
from simulator.phones import Arrived, Phones
from simulator.site import MAX_SITES, SimulatedSite, account_of, sites
from simulator.sitting import sit
from simulator.standard_webhooks import new_secret
from simulator.story import LOOK_EVERY_S, follow, play, seen_of
from simulator.watching import watched

DONE, SAYS_NO, INPUT_WRONG = 0, 1, 2
ALL, DOORS, CLOSING, CAMERAS, ESCALATION = PLAYS = ("all", "doors", "closing", "cameras", "escalation")
"""What is played, in this order."""
READY_S: Final = 60.0
READY_S_A_SITE: Final = 3.0
"""How long the centre, and each box beside it, may take until everything is heard of."""
SEATED_S: Final = 15.0
"""How long somebody may take to sit down at the desk."""


def main(argv: list[str]) -> int:
    """Run the demo until Ctrl-C, SIGTERM or --for; 0 ended as asked, 1 a part failed, 2 the input is wrong."""
    say = texts_for_user()
    arguments = _parser(say).parse_args(argv)
    try:
        return asyncio.run(_Demo(arguments, say).run())
    except (ClaimedError, CommandFailedError) as error:
        print(f"branchwatch demo: {told(error, say)}", file=sys.stderr)
        return INPUT_WRONG
    except (ChildEndedError, ConsoleError, OSError) as error:
        print(f"branchwatch demo: {told(error, say)}", file=sys.stderr)
        return SAYS_NO


class _Demo:
    """One run of the demo."""

    def __init__(self, arguments: argparse.Namespace, say: Texts) -> None:
        self._arguments = arguments
        self._folder = DemoFolder(root=arguments.dir.absolute())
        self._sites = sites(arguments.sites)
        self._say = say
        self._over = asyncio.Event()
        self._tokens = {seat.id: secrets.token_urlsafe(24) for seat in EVERYBODY}
        self._bank = Bank(self._folder)
        self._password = "-".join(secrets.token_hex(2) for _ in range(3))

    async def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._over.set)
        self._folder.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(self._folder.root), ExitStack() as kept:
            (self._folder.root / DEMO_FILE).unlink(missing_ok=True)  # an old one would lead others astray meanwhile
            ports = Ports(
                console=kept.enter_context(held(console_port(self._arguments.port))),
                broker=kept.enter_context(held(free_port())),
                evidence=kept.enter_context(held(free_port())),
                phones=kept.enter_context(held(free_port())),
            )
            children = Children(self._folder.logs)
            async with AsyncExitStack() as stack:
                stack.push_async_callback(self._end, children)
                await _first(self._stand(ports, children, stack), self._over.wait())
        return DONE

    async def _stand(self, ports: Ports, children: Children, stack: AsyncExitStack) -> None:
        """Start everything in order, then play and wait."""
        address = f"http://localhost:{ports.console}"
        console = Console(address, self._tokens[DESK.id], user_language() or "en")
        self._tell(self._say("Making certificates in {folder}").format(folder=self._folder.root))
        await make_certificates(self._folder)
        await self._bank.found()
        phones = stack.enter_context(self._telephones(address, ports))
        await self._write_collector_config(ports)
        await self._load_rules()
        self._tell(self._say("Enrolling boxes and signing site files"))
        wired = [await self._wire(site, stack) for site in self._sites]
        await self._sign(wired, ports, children)
        self._tell(self._say("Starting the centre and its broker"))
        await children.start(
            "collector", "collector", "serve", "--config", str(self._folder.collector_config), "--embedded"
        )
        await _first(_ready(console, 0, READY_S), children.first_to_end())
        await self._man_the_desk(address, stack)
        known = {alarm["id"]: seen_of(alarm) for alarm in (await console.get("/api/v1/alarms?limit=100"))["items"]}
        self._tell(self._say("Starting the branches and their boxes: {count}").format(count=len(self._sites)))
        access = [await self._start_box(each, children) for each in wired]
        wait_s = READY_S + READY_S_A_SITE * len(self._sites)
        await _first(_ready(console, len(self._sites), wait_s), children.first_to_end())
        write_demo(self._file(address, ports, access, phones), self._folder.root)
        self._invite(address, phones)
        if self._arguments.for_s is not None:
            asyncio.get_running_loop().call_later(self._arguments.for_s, self._over.set)
        names = [site.name for site in self._sites]
        await _first(
            follow(console, known, self._say, self._tell),
            self._play_and_wait(console, access, names, phones),
            *(keep_dialling(each.panel) for each in access if each.panel is not None),
            children.first_to_end(),
        )

    async def _man_the_desk(self, address: str, stack: AsyncExitStack) -> None:
        """Somebody sits there, asleep: a desk where nobody sits is passed over at once."""
        seated = asyncio.Event()
        sitting = asyncio.create_task(sit(address, self._tokens[ASLEEP.id], seated))
        stack.callback(sitting.cancel)
        with suppress(TimeoutError):
            await asyncio.wait_for(seated.wait(), SEATED_S)

    async def _play_and_wait(
        self, console: Console, access: list[SiteAccess], names: list[str], phones: PhoneGateway
    ) -> None:
        played: str = self._arguments.play
        if played in {ALL, DOORS}:
            await play(access, names, self._say, self._tell)
        if played in {ALL, CLOSING}:
            folder = self._folder.root
            await closing_time(console, access[0], names[0], self._officers(), folder, self._say, self._tell)
        if played in {ALL, CAMERAS}:
            await watched(console, access[0], names[0], self._say, self._tell)
        if played in {ALL, ESCALATION}:
            leader = console.as_person(self._tokens[LEADER.id])
            officers, folder = self._officers(), self._folder.root
            await escalating(console, leader, access[-1], names[-1], phones, officers, folder, self._say, self._tell)
        await self._over.wait()

    def _telephones(self, address: str, ports: Ports) -> PhoneGateway:
        """Everybody's, with a key of this run that the centre signs with too."""
        secret = new_secret(secrets.token_bytes(32))
        self._folder.phones_key.touch(mode=0o600)
        self._folder.phones_key.write_text(secret, encoding="utf-8")
        owners = {seat.id: seat.names[_desk_language()] for seat in ON_CALL}

        def ring(message: Arrived) -> None:
            rings = self._say("call") if message.channel == VOICE else self._say("text message")
            line = self._say("{time}  {kind} for {name}: {text}")
            name = owners.get(message.to, message.to)
            self._tell(line.format(time=message.at, kind=rings, name=name, text=message.text))

        return PhoneGateway(
            Phones(owners, ring),
            port=ports.phones,
            secret=secret,
            console=address,
            say=self._say,
            language=user_language() or "en",
        )

    async def _load_rules(self) -> None:
        """Who is told of an alarm that nobody takes, as a bank's own rules are brought to its centre."""
        folder = self._folder
        folder.rules.mkdir(parents=True, exist_ok=True)
        for name, text in rules_files(_desk_language()).items():
            (folder.rules / name).write_text(text, encoding="utf-8")
        await run_command("collector", "rules", "load", str(folder.rules), "--config", str(folder.collector_config))

    def _officers(self) -> list[Officer]:
        return [
            Officer(
                id=officer.id,
                name=officer.names[_desk_language()],
                token=self._tokens[officer.id],
                key=str(self._folder.person_key(officer.id)),
            )
            for officer in OFFICERS
        ]

    async def _wire(self, site: SimulatedSite, stack: AsyncExitStack) -> Wired:
        """Start a branch's module and choose where its panel dials. The first branch closes as the story goes."""
        branch = await stack.enter_async_context(BranchServer(HOST))
        count = self._arguments.cameras if site is self._sites[0] else 0
        user, password = self._bank.camera_login()
        clip = hall_clip()
        if count:
            self._folder.forget_pictures(site, "drawn" if clip is None else clip.name)
        cameras = BranchCameras(count, user=user, password=password, host=HOST, clip=clip)
        access = (await stack.enter_async_context(cameras)).access if count else []
        receiver = stack.enter_context(held(free_port_of_both()))
        return Wired(site=site, modbus=f"{HOST}:{branch.port}", receiver=f"{HOST}:{receiver}", cameras=access)

    async def _sign(self, wired: list[Wired], ports: Ports, children: Children) -> None:
        """Every box enrolled, with a signed site file of this run."""
        where = {
            "broker": f"{HOST}:{ports.broker}",
            "evidence": f"{HOST}:{ports.evidence}",
        }
        with held(free_port()) as port:
            where["enrolment"] = f"{HOST}:{port}"
            self._bank.write_inventory(wired, [usual_hours()] * len(wired), **where)
            await self._bank.enrol(self._sites, children, where["enrolment"])
        # The clock of the closing-time story begins now: what is left to start takes less time than it leaves.
        hours = [closing(datetime.now(UTC)), *([usual_hours()] * (len(wired) - 1))]
        self._bank.write_inventory(wired, hours, **where)
        await self._bank.build()
        await self._bank.deliver()
        await self._bank.apply(self._sites)

    async def _start_box(self, wired: Wired, children: Children) -> SiteAccess:
        site, folder = wired.site, self._folder
        await children.start(f"agent-{site.box}", "agent", "run", "--state", str(folder.state(site)))
        panel = PanelAccess(address=wired.receiver, account=account_of(site), key=self._bank.panel_key())
        certificate, key, state = folder.certificate_of(site), folder.key_of(site), folder.state(site)
        return SiteAccess(
            id=site.id,
            box=site.box,
            modbus=wired.modbus,
            cert=str(certificate),
            key=str(key),
            state=str(state),
            panel=panel,
            cameras=list(wired.cameras),
        )

    async def _write_collector_config(self, ports: Ports) -> None:
        self._folder.collector_state.mkdir(exist_ok=True, mode=0o700)
        text = collector_toml(
            self._folder,
            ports=ports,
            boxes=[site.box for site in self._sites],
            password_hash=await hash_password(self._password),
            token_hashes={person: sha256(token.encode()).hexdigest() for person, token in self._tokens.items()},
            language=_desk_language(),
        )
        self._folder.collector_config.write_text(text, encoding="utf-8")
        self._folder.collector_config.chmod(0o600)

    def _file(self, address: str, ports: Ports, access: list[SiteAccess], phones: PhoneGateway) -> DemoFile:
        return DemoFile(
            console=address,
            token=self._tokens[DESK.id],
            login=Login(name=DESK.id, password=self._password),
            broker=BrokerAccess(
                host="localhost",
                port=ports.broker,
                ca=str(self._folder.trust),
                cert=str(self._folder.certificate(COLLECTOR)),
                key=str(self._folder.key(COLLECTOR)),
            ),
            collector_db=str(self._folder.database),
            sites=access,
            people=self._officers(),
            seats=[
                SeatAccess(id=seat.id, name=seat.names[_desk_language()], role=seat.role, token=self._tokens[seat.id])
                for seat in EVERYBODY
            ],
            phones=f"{phones.address}/phones",
        )

    def _invite(self, address: str, phones: PhoneGateway) -> None:
        first = self._sites[0].id
        folder = self._arguments.dir
        self._tell("")
        self._tell(self._say("The alarm desk:  {address}").format(address=address))
        self._tell(
            self._say("Log in as:       {name}   password: {password}").format(name=DESK.id, password=self._password)
        )
        others = ", ".join(seat.id for seat in EVERYBODY if seat is not DESK)
        self._tell(self._say("or, with it too: {names}").format(names=others))
        self._tell(self._say("Telephones:      {address}").format(address=f"{phones.address}/phones"))
        self._tell(
            self._say("Do something:    {command}").format(
                command=f"branchwatch simulate act --dir {folder} {first} dual-open"
            )
        )
        self._tell(self._say("End it:          Ctrl-C"))
        self._tell("")
        if self._arguments.open:
            webbrowser.open(address)

    async def _end(self, children: Children) -> None:
        self._tell(self._say("Ending everything"))
        await children.stop()

    def _tell(self, sentence: str) -> None:
        print(sentence, flush=True)


async def _first(*works: Coroutine[Any, Any, object]) -> None:
    """Run all until the first ends; end the others and pass on what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _ready(console: Console, boxes: int, wait_s: float) -> None:
    """Wait until the centre is healthy and hears so many boxes."""
    try:
        async with asyncio.timeout(wait_s):
            while True:
                with suppress(ConsoleError):
                    await console.get("/healthz")
                    heard = (await console.get("/api/v1/boxes?limit=500"))["items"] if boxes else []
                    if sum(box["state"] == "heard" for box in heard) >= boxes:
                        return
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        await console.get("/healthz")  # says why, if it can
        raise ConsoleError(
            N_("not everything is running after {seconds} s; the logs stand in the demo's folder"),
            seconds=round(wait_s),
        ) from None


def _desk_language() -> str:
    """Chinese, as the people at a desk read, unless this machine's user asks for English."""
    return "en" if user_language() == "en" else "zh"


def _parser(say: Texts) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="branchwatch demo",
        description=say(
            "Runs a whole bank on this machine, on loopback: broker, centre, simulated branches, their boxes."
        ),
        epilog=say("example:") + "  branchwatch demo --sites 5 --open",
    )
    parser.add_argument(
        "--port",
        type=_whole(0, 65535, say),
        help=say("of the alarm desk (default: {port}, else a free one)").format(port=USUAL_PORT),
    )
    parser.add_argument(
        "--dir", type=Path, default=Path("demo"), help=say("folder; used again, its ledger goes on (default: demo)")
    )
    parser.add_argument("--sites", type=_whole(1, MAX_SITES, say), default=3, help=say("branches (default: 3)"))
    parser.add_argument(
        "--cameras",
        type=_whole(0, MOST, say),
        default=MOST,
        help=say("cameras at the first branch, 0 to {most} (default: {most})").format(most=MOST),
    )
    parser.add_argument(
        "--play",
        choices=PLAYS,
        default=ALL,
        help=say(
            "what is played: two doors open at once, closing time, a loiterer before a camera, an alarm nobody takes "
            "(default: all)"
        ),
    )
    parser.add_argument(
        "--for", type=seconds(say), dest="for_s", metavar="SECONDS", help=say("end by itself after so long")
    )
    parser.add_argument("--open", action="store_true", help=say("open the alarm desk in a browser"))
    return parser


def _whole(low: int, high: int, say: Texts) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(
                say("must be a whole number from {low} to {high}").format(low=low, high=high)
            )
        return int(text)

    return number
