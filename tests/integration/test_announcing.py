"""Announcements by the real espeak-ng and aplay; what would be heard lands in a WAV file by ALSA's own plugins."""

from __future__ import annotations

import array
import asyncio
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.announcing.ability import lacking
from agent.announcing.announcer import Announcer
from agent.announcing.files import FOLDER
from agent.announcing.limits import MOST, WITHIN
from agent.announcing.programs import PLAYER, SPEAKER, Programs
from protocol.site.schema import Site
from tests.branch import moment, site_of

SITE = """
id = "s"
name = "s"
unit = "u"
timezone = "Asia/Shanghai"
[loudspeaker]
device = "speaker"
[[announcement]]
id = "leave"
text = "请立即离开营业厅，警察已经出动。"
[[announcement]]
id = "closing"
text = "We close in ten minutes."
[[announcement]]
id = "gong"
text = "a gong"
file = "gong.wav"
"""
SOUND = """
pcm.nowhere {{ type null }}
pcm.speaker {{ type plug slave.pcm {{ type file slave.pcm nowhere file "{heard}" format wav }} }}
"""


@pytest.fixture
def heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the loudspeaker's sound lands."""
    for program in (SPEAKER, PLAYER):
        if Programs().path_of(program) is None:
            pytest.skip(f"needs {program}")
    (tmp_path / "asound.conf").write_text(SOUND.format(heard=tmp_path / "heard.wav"))
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(tmp_path / "asound.conf"))
    return tmp_path / "heard.wav"


class Speaking:
    """An announcer at work, its clock, and the words that came back."""

    def __init__(self, site: Site, state: Path, programs: Programs | None) -> None:
        self.now_ms = 0
        self.announcer = Announcer(site, state, lambda: moment(self.now_ms), programs)

    async def ask(self, name: str) -> str:
        """Have it announced; the word when it is over."""
        over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def done(word: str) -> None:
            over.set_result(word)

        return self.announcer.announce(name, done) or await over


@asynccontextmanager
async def speaking(state: Path, text: str = SITE, programs: Programs | None = None) -> AsyncIterator[Speaking]:
    """It runs inside."""
    made = Speaking(site_of(text), state, programs)
    task = asyncio.create_task(made.announcer.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def loudness(path: Path) -> tuple[float, int]:
    """How long a WAV file is in seconds, and its loudest sample."""
    with wave.open(str(path)) as sound:
        samples = array.array("h", sound.readframes(sound.getnframes()))
        return sound.getnframes() / sound.getframerate(), max(map(abs, samples), default=0)


@pytest.mark.parametrize(("name", "least_s"), [("leave", 3.0), ("closing", 1.0)])
async def test_a_text_is_heard(name: str, least_s: float, tmp_path: Path, heard: Path) -> None:
    """Chinese and English, as long as it takes to say, and no silence; nothing of it is left on the disk."""
    async with speaking(tmp_path) as box:
        assert await box.ask(name) == ""
    length_s, loudest = loudness(heard)
    assert length_s > least_s
    assert loudest > 5_000
    assert list((tmp_path / FOLDER).iterdir()) == []


async def test_a_sound_file_is_heard_and_nothing_else_in_its_place(tmp_path: Path, heard: Path) -> None:
    """A WAV file of the folder; none there, another kind of file, or a link out of the folder says so."""
    gong = tmp_path / FOLDER / "gong.wav"
    gong.parent.mkdir()
    async with speaking(tmp_path) as box:
        assert await box.ask("gong") == "no_sound_file"
        gong.write_bytes(b"ID3" + bytes(4_000))
        assert await box.ask("gong") == "no_sound_file"
        with wave.open(str(tmp_path / "elsewhere.wav"), "wb") as sound:
            sound.setparams((1, 2, 8_000, 0, "NONE", ""))
            sound.writeframes(array.array("h", [9_000, -9_000] * 4_000).tobytes())
        gong.unlink()
        gong.symlink_to(tmp_path / "elsewhere.wav")
        assert await box.ask("gong") == "no_sound_file"
        assert not heard.exists()
        gong.unlink()
        shutil.copy(tmp_path / "elsewhere.wav", gong)
        assert await box.ask("gong") == ""
    length_s, loudest = loudness(heard)
    assert (round(length_s, 1), loudest > 5_000, gong.exists()) == (1.0, True, True)


async def test_what_cannot_be_heard_is_refused_with_its_word(tmp_path: Path, heard: Path) -> None:
    """Another name, no such sound device, no program, no loudspeaker in the site file."""
    async with speaking(tmp_path) as box:
        assert await box.ask("dance") == "no_such_announcement"
    async with speaking(tmp_path, SITE.replace('"speaker"', '"hw:7"')) as box:
        assert await box.ask("closing") == "no_sound"
    async with speaking(tmp_path, SITE.replace('[loudspeaker]\ndevice = "speaker"', "")) as box:
        assert await box.ask("closing") == "no_loudspeaker"
    async with speaking(tmp_path, programs=Programs(places=str(tmp_path))) as box:
        assert await box.ask("closing") == "no_program"
    assert not heard.exists()


async def test_one_at_a_time_and_six_in_ten_minutes(tmp_path: Path, heard: Path) -> None:
    """A second one meanwhile is refused, and the seventh; ten minutes after the first there is room again."""
    async with speaking(tmp_path) as box:
        first = asyncio.create_task(box.ask("closing"))
        await asyncio.sleep(0)
        assert await box.ask("closing") == "speaking"
        assert await first == ""
        for _ in range(MOST - 1):
            assert await box.ask("closing") == ""
        assert await box.ask("closing") == "too_soon"
        box.now_ms = 1000 * int(WITHIN.total_seconds())
        assert await box.ask("closing") == ""


async def test_a_program_that_hangs_is_ended(tmp_path: Path, heard: Path) -> None:
    """A sound device that takes nothing holds up no later announcement."""
    hanging = tmp_path / "programs"
    hanging.mkdir()
    (hanging / PLAYER).write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    (hanging / PLAYER).chmod(0o755)
    async with speaking(tmp_path, programs=Programs(places=f"{hanging}:/usr/bin", play_s=0.2)) as box:
        assert await box.ask("closing") == "no_sound"
        assert await box.ask("closing") == "no_sound"


def test_what_this_machine_lacks_is_said(tmp_path: Path) -> None:
    """Programs and sound files, each with the next step; nothing where there is no loudspeaker."""
    site = site_of(SITE)
    bare = Programs(places=str(tmp_path))
    found = [(str(what), str(step)) for what, step in lacking(site, tmp_path, bare)]
    assert found == [
        (
            "announcements cannot be heard: this machine has no espeak-ng, aplay",
            "apt install espeak-ng alsa-utils",
        ),
        (
            "announcement gong cannot be heard: its sound file is not there",
            f"put {tmp_path}/announcements/gong.wav there, a WAV file that the agent's user can read",
        ),
    ]
    silent = site_of(SITE.replace('[loudspeaker]\ndevice = "speaker"', ""))
    assert list(lacking(silent, tmp_path, bare)) == []
