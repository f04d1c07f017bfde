"""One announcement at a time: asked for, let through or not, spoken, and answered with what became of it.

Only what the signed site file holds is heard: an `[[announcement]]` by its id, its sound file, or its text spoken.
Flow: a request (`conversation.py`) -> `announce` -> `run` sounds it -> `done` with the word; empty when it was heard.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from agent.announcing.files import FOLDER, sound_file
from agent.announcing.limits import Announced, admit, voice_of
from agent.announcing.programs import Programs, SoundError
from agent.signals import Moment
from protocol.site.schema import Announcement, Site

LOG: Final = logging.getLogger("branchwatch.announcing")

SPOKEN: Final = ".spoken.wav"
"""What espeak-ng wrote, while it is played."""

Done = Callable[[str], Awaitable[None]]


class Announcer:
    """The loudspeaker of one site."""

    def __init__(self, site: Site, state: Path, now: Callable[[], Moment], programs: Programs | None = None) -> None:
        self._speaker = site.loudspeaker
        self._texts = {each.id: each for each in site.announcement}
        self._state = state
        self._now = now
        self._programs = programs or Programs()
        self._announced: Announced = ()
        self._next: tuple[Announcement, Done] | None = None
        self._woken = asyncio.Event()

    def announce(self, announcement_id: str, done: Done) -> str:
        """Begin with it; the word says why not. `done` is awaited at its end with the word of how that was."""
        if self._speaker is None:
            return "no_loudspeaker"
        if announcement_id not in self._texts:
            return "no_such_announcement"
        if self._next is not None:
            return "speaking"
        announced = admit(self._announced, self._now())
        if announced is None:
            return "too_soon"
        self._announced = announced
        self._next = self._texts[announcement_id], done
        self._woken.set()
        return ""

    async def run(self) -> None:
        """Sound what is asked for, until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            if self._next is None:
                continue
            announcement, done = self._next
            word = await self._sound(announcement)
            self._next = None
            await done(word)

    async def _sound(self, announcement: Announcement) -> str:
        device = self._speaker.device if self._speaker else ""
        spoken = self._state / FOLDER / SPOKEN
        try:
            if announcement.file is not None:
                found = sound_file(self._state, announcement.file)
                if found is None:
                    return "no_sound_file"
                await self._programs.play(found, device)
                return ""
            spoken.parent.mkdir(mode=0o700, exist_ok=True)
            await self._programs.speak(announcement.text, voice_of(announcement.text), spoken)
            await self._programs.play(spoken, device)
        except SoundError as error:
            LOG.warning("announcement %s was not heard: %s", announcement.id, error)
            return error.word
        except OSError as error:
            LOG.warning("announcement %s was not heard: %s", announcement.id, error)
            return "no_sound"
        finally:
            spoken.unlink(missing_ok=True)
        return ""
