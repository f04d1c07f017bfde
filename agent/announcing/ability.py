"""What this machine lacks to make a site's announcements heard, in sentences with the next step. Changes nothing."""

from collections.abc import Iterator
from pathlib import Path

from agent.announcing.files import FOLDER, sound_file
from agent.announcing.programs import PLAYER, SPEAKER, Programs
from protocol.site.schema import Site
from protocol.texts import Said, said
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for


def lacking(site: Site, state: Path | None, programs: Programs | None = None) -> Iterator[tuple[Said, Said]]:
    """(what, next step); of files only where the state folder is known."""
    if site.loudspeaker is None or not site.announcement:
        return
    needed = [PLAYER]
    if any(each.file is None for each in site.announcement):
        needed.insert(0, SPEAKER)
    missing = [program for program in needed if (programs or Programs()).path_of(program) is None]
    if missing:
        text = N_("announcements cannot be heard: this machine has no {programs}")
        yield said(text, programs=", ".join(missing)), said(N_("apt install espeak-ng alsa-utils"))
    for each in site.announcement:
        if state is not None and each.file is not None and sound_file(state, each.file) is None:
            what = said(N_("announcement {name} cannot be heard: its sound file is not there"), name=each.id)
            step = N_("put {file} there, a WAV file that the agent's user can read")
            yield what, said(step, file=state / FOLDER / each.file)
