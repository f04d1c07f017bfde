"""The real people server, kept by the agent's keeper, and eyes that ask it; and guests that keep to no rule."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import numpy as np
import pytest

from agent.children.starting import program
from agent.people.asking import PAUSE_S, TIMEOUT_S, People
from agent.people.guests import HALF_S, MAX_GUESTS, Guests, listen
from agent.people.words import Greeting, Lack, Serving, Without, encode, from_people
from agent.video.words import Box, Thing
from tests.kept import Kept, kept
from tests.people_data import data_folder
from tests.waiting import eventually

SMALL = Greeting(width=4, height=2, model="small FP16")
FRAME = np.zeros((2, 4, 3), np.uint8)
BOX = Box(Thing.PERSON, 0.9, 0.1, 0.2, 0.3, 0.4)


class Hall:
    """A server's socket with guests, and a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "people.socket"
        self.now = 0.0
        self.guests = Guests(listen(self.path), SMALL, lambda: self.now)

    def attend(self) -> None:
        self.guests.attend(0)

    def come(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.connect(str(self.path))
        line.settimeout(2)
        self.attend()
        return line


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    """A server whose turns the test takes."""
    hall = Hall(tmp_path / "run")
    yield hall
    with suppress(ValueError):
        hall.guests.close()


def picture(fill: int = 0, size: int = SMALL.frame_bytes) -> bytes:
    """One picture as it travels."""
    return size.to_bytes(4, "big") + bytes([fill]) * size


def gone(line: socket.socket) -> bool:
    """Whether the server hung up, after what it said before."""
    with suppress(ConnectionResetError):
        while line.recv(1000):
            pass
    return True


def find_beside(people: People, hall: Hall, frame: np.ndarray = FRAME) -> object:
    """One question, answered by the hall in this thread as a server would."""
    with ThreadPoolExecutor(1) as pool:
        question = pool.submit(people.find, frame)
        while not question.done():
            hall.guests.attend(0.01)
            if (turn := hall.guests.next_turn()) is not None:
                hall.guests.tell(turn[0], encode((BOX,)))
        return question.result()


def test_the_socket_is_closed_to_others(hall: Hall) -> None:
    """Its folder and its file are their owner's only."""
    assert stat.S_IMODE(hall.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(hall.path.parent.stat().st_mode) == 0o700


def test_a_socket_deep_down_is_reached(tmp_path: Path) -> None:
    """A path longer than a socket's address may be serves both sides."""
    deep = tmp_path / ("d" * 120)
    hall = Hall(deep)
    with closing(People(hall.path)) as people:
        assert find_beside(people, hall) == ((BOX,), "small FP16")
    hall.guests.close()


def test_an_eye_connects_by_itself_and_again(hall: Hall, tmp_path: Path) -> None:
    """Nobody there is None at once; a server that comes is found, one that was started anew too."""
    with closing(People(tmp_path / "run2" / "people.socket")) as early:
        assert early.find(FRAME) is None
        later = Hall(tmp_path / "run2")
        assert find_beside(early, later) == ((BOX,), "small FP16")
        later.guests.close()
        assert early.find(FRAME) is None
        again = Hall(tmp_path / "run2")
        assert find_beside(early, again) == ((BOX,), "small FP16")
        again.guests.close()


def test_only_the_model_s_own_size_travels(hall: Hall) -> None:
    """A frame of any size is made as large as the server says; an empty or colourless one is not asked about."""
    with closing(People(hall.path)) as people:
        assert find_beside(people, hall, np.zeros((432, 768, 3), np.uint8)) == ((BOX,), "small FP16")
        assert people.find(np.zeros((0, 5, 3), np.uint8)) is None
        assert people.find(np.zeros((5, 5), np.uint8)) is None


def test_a_server_that_hangs_costs_an_eye_a_second_and_then_nothing(hall: Hall) -> None:
    """After a question without answer in its time nobody is asked for a while; then it is tried anew."""
    begins = iter([0.0])
    later = [TIMEOUT_S]  # what the clock says from its second look on: the question's time is over
    with closing(People(hall.path, now=lambda: next(begins, later[0]))) as people:
        assert people.find(FRAME) is None
        later[0] = TIMEOUT_S + PAUSE_S - 0.1
        assert people.find(FRAME) is None
        hall.attend()
        assert hall.guests.count == 0
        later[0] = TIMEOUT_S + PAUSE_S
        assert find_beside(people, hall) == ((BOX,), "small FP16")


@pytest.mark.parametrize(
    "answer",
    [b"", b"\xff" * 4, b"\0\0\0\1\xc1", b"\0\0\0\3abc", (200).to_bytes(4, "big") + b"\x91" * 3],
    ids=["nothing", "endless", "no msgpack", "no greeting", "cut off"],
)
def test_whatever_a_server_says_an_eye_raises_nothing(tmp_path: Path, answer: bytes) -> None:
    """Nonsense in place of a greeting is None, and the next question connects anew."""
    listening = listen(tmp_path / "run" / "people.socket")
    listening.setblocking(True)
    with closing(listening), closing(People(tmp_path / "run" / "people.socket")) as people, ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1))
        for _ in range(2):
            question = pool.submit(people.find, FRAME)
            line, _ = listening.accept()
            with line:
                line.sendall(answer)
            assert question.result(5) is None


def test_who_waits_longest_is_next(hall: Hall) -> None:
    """Eyes are served in the order in which their pictures came, one each."""
    eyes = [hall.come() for _ in range(3)]
    for number in (2, 0, 1):
        eyes[number].sendall(picture(number))
        hall.attend()
    eyes[2].sendall(picture(9))  # a second one before it was answered waits in the socket
    hall.attend()
    turns = []
    while (turn := hall.guests.next_turn()) is not None:
        turns.append(turn[1][0])
        hall.guests.tell(turn[0], encode(()))
    assert turns == [2, 0, 1]
    hall.attend()
    assert hall.guests.waiting == 1
    for eye in eyes:
        eye.close()


def test_who_hung_up_waits_no_more(hall: Hall) -> None:
    """The picture of an eye that gave up costs no inference."""
    eye = hall.come()
    eye.sendall(picture())
    hall.attend()
    assert hall.guests.waiting == 1
    eye.close()
    hall.attend()
    assert (hall.guests.waiting, hall.guests.count) == (0, 0)


@pytest.mark.parametrize("length", [0, 1, SMALL.frame_bytes - 1, SMALL.frame_bytes + 1, 2**32 - 1])
def test_a_picture_of_another_size_is_refused(hall: Hall, length: int) -> None:
    """Before a byte of it is taken."""
    with hall.come() as eye:
        eye.sendall(length.to_bytes(4, "big"))
        hall.attend()
        assert hall.guests.count == 0
        assert gone(eye)


def test_half_a_picture_does_not_stay(hall: Hall) -> None:
    """Who begins and does not go on is thrown out; who only waits with its next question is not."""
    with hall.come() as slow, hall.come():
        slow.sendall(picture()[:-1])
        hall.attend()
        hall.now = HALF_S + 1
        hall.attend()
        assert hall.guests.count == 1
        assert gone(slow)


def test_a_guest_that_takes_no_answers_is_thrown_out(hall: Hall) -> None:
    """Its answers are not kept for it."""
    with hall.come() as deaf:
        turns = 0
        while hall.guests.count and turns < 5000:
            deaf.sendall(picture())
            hall.attend()
            turn = hall.guests.next_turn()
            assert turn is not None
            hall.guests.tell(turn[0], encode((BOX,) * 100))
            turns += 1
        assert hall.guests.count == 0


def test_a_crowd_takes_nobody_s_place_for_good(hall: Hall) -> None:
    """So many guests and no more; one that says nothing gives its place to one that comes later."""
    with ExitStack() as stack:
        crowd = [stack.enter_context(hall.come()) for _ in range(MAX_GUESTS)]
        assert hall.guests.count == MAX_GUESTS
        turned_away = stack.enter_context(hall.come())
        assert gone(turned_away)
        hall.now = HALF_S + 1
        eye = stack.enter_context(hall.come())
        assert hall.guests.count == MAX_GUESTS
        eye.sendall(picture())
        hall.attend()
        assert hall.guests.waiting == 1
        assert gone(crowd[0])


def server(folder: Path, *words: str) -> tuple[Path, tuple[str, ...]]:
    """Where its socket is, and how it is started."""
    place = folder / "run" / "people.socket"
    return place, ("agent.people.server", "--socket", str(place), "--state", str(folder), *words)


async def said(child: Kept) -> Serving | Without:
    """Its first word."""
    await eventually(lambda: child.heard, 30)
    return from_people(child.heard[0])


async def test_the_real_server_finds_people_and_opens_no_connection(tmp_path: Path) -> None:
    """Asked by an eye it answers with the model's name; few threads; no socket but its own."""
    data = data_folder()
    pytest.importorskip("openvino", reason="the extra `people` is not installed", exc_type=ImportError)
    place, words = server(tmp_path, "--models", str(data / "models"))
    async with kept(program(*words)) as child:
        serving = await said(child)
        assert serving == Serving(model="person-vehicle-bike-detection-2004 FP16-INT8", place=str(data / "models"))
        people = People(place)
        answer = await asyncio.to_thread(people.find, np.zeros((432, 768, 3), np.uint8))
        assert answer is not None
        boxes, model = answer
        assert (model, len(boxes) < 3) == (serving.model, True)
        (pid,) = _pids(place)
        assert len(list(Path(f"/proc/{pid}/task").iterdir())) <= 4
        kinds = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
        sockets = {each for each in kinds if each.startswith("socket:")}
        internet = Path(f"/proc/{pid}/net/tcp").read_text() + Path(f"/proc/{pid}/net/udp").read_text()
        assert not [each for each in sockets if each.removeprefix("socket:[").removesuffix("]") in internet.split()]
        people.close()


async def test_without_a_model_it_says_why_and_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No restarting for ever: it tells the reason once and beats; an eye's question is None at once."""
    monkeypatch.delenv("BRANCHWATCH_DATA", raising=False)
    place, words = server(tmp_path)
    async with kept(program(*words)) as child:
        without = await said(child)
        assert isinstance(without, Without)
        assert without.lack in {Lack.NO_MODEL, Lack.NO_OPENVINO}
        await eventually(lambda: child.keeper.state.alive, 20)
        assert People(place).find(FRAME) is None


def test_openvino_s_reporting_is_out_of_reach(tmp_path: Path) -> None:
    """Importing what we import of OpenVINO loads no telemetry, and leaves nothing in the home folder."""
    pytest.importorskip("openvino", reason="the extra `people` is not installed", exc_type=ImportError)
    look = (
        "import sys, threading, agent.people.inference as i; assert i.openvino.Core; "
        "loaded = [name for name in sys.modules if 'telemetry' in name and sys.modules[name]]; "
        "assert not loaded, loaded; assert threading.active_count() == 1"
    )
    environment = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", look], check=True, env=environment, timeout=50)
    assert list(tmp_path.iterdir()) == []


def _pids(place: Path) -> list[int]:
    found = []
    for each in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if str(place).encode() in (each / "cmdline").read_bytes().split(b"\0"):
                found.append(int(each.name))
    return found
