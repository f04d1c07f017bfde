"""The programs that make a text heard: espeak-ng speaks it into a WAV file, aplay plays one. Only this file runs them.

Each by its absolute path, with a list of arguments and no shell, the text over standard input, nothing of our
environment but what sound needs, and killed at its limit. Decides nothing.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

SPEAKER: Final = "espeak-ng"
PLAYER: Final = "aplay"
PLACES: Final = "/usr/local/bin:/usr/bin:/bin"

SPEAK_S: Final = 20.0
"""The longest text is written within a second or two."""

PLAY_S: Final = 120.0
"""300 Chinese characters take some 70 s to say."""

TOLD_BYTES: Final = 300
"""Of what a program says of its failure."""

_ENVIRONMENT: Final = ("ALSA_CONFIG_PATH", "LANG", "LC_ALL")


class SoundError(Exception):
    """It was not heard. `word` is for the centre, the text for the log."""

    def __init__(self, word: str, text: str = "") -> None:
        super().__init__(text or word)
        self.word = word


class Programs:
    """Where they are looked for, and how long they may take."""

    def __init__(self, places: str = PLACES, speak_s: float = SPEAK_S, play_s: float = PLAY_S) -> None:
        self._places = places
        self._speak_s = speak_s
        self._play_s = play_s

    def path_of(self, program: str) -> Path | None:
        """Where a program is on this machine."""
        found = shutil.which(program, path=self._places)
        return Path(found) if found else None

    async def speak(self, text: str, voice: str, wav: Path) -> None:
        """Write a WAV file of the spoken text.

        Raises:
            SoundError: it cannot be.
        """
        await self._run(SPEAKER, ["-v", voice, "-w", str(wav), "--stdin"], text.encode(), self._speak_s)

    async def play(self, wav: Path, device: str) -> None:
        """Play a WAV file to its end.

        Raises:
            SoundError: it cannot be.
        """
        await self._run(PLAYER, ["-q", "-t", "wav", "-D", device, str(wav)], b"", self._play_s)

    async def _run(self, program: str, arguments: list[str], given: bytes, limit_s: float) -> None:
        path = self.path_of(program)
        if path is None:
            raise SoundError("no_program", f"{program} is not installed")
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        try:
            child = await asyncio.create_subprocess_exec(
                path, *arguments, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, env={"PATH": PLACES, **environment}
            )
        except OSError as error:
            raise SoundError("no_sound", f"{path}: {error}") from error
        try:
            async with asyncio.timeout(limit_s):
                _, told = await child.communicate(given)
        except TimeoutError:
            raise SoundError("no_sound", f"{path} did not end within {limit_s:g} s") from None
        finally:
            await _end(child)
        if child.returncode:
            raise SoundError("no_sound", f"{path}: {told[:TOLD_BYTES].decode(errors='replace').strip()!r}")


async def _end(child: Process) -> None:
    if child.returncode is None:
        child.kill()
        await child.wait()
