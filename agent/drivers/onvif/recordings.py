"""What a Profile G recorder says of its recordings: which there are, from when to when, and their holes. Pure.

Answers of recording search (ver10/search) as `client.py` gives them. Flow: client -> here -> agent/detectors/recording.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from agent.drivers.onvif.answers import field, items, moment, text, truth

PAGE: Final = 50
MAX_PAGES: Final = 40
"""So many pages of PAGE results are read of one search; a recorder of 64 channels needs two."""

MAX_SEGMENTS: Final = 2_000


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recording: of which source, and the times of its first and last picture."""

    token: str
    source: str = ""
    name: str = ""
    oldest: datetime | None = None
    newest: datetime | None = None
    video: bool = True
    status: str = ""  # as the recorder says: Initiated, Recording, Stopped, Removing, Removed, Unknown


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One channel: what records the same camera. Some recorders begin a new recording with every stretch."""

    source: str
    name: str
    recordings: tuple[Recording, ...]

    @property
    def oldest(self) -> datetime | None:
        """Its first picture."""
        return min((each.oldest for each in self.recordings if each.oldest), default=None)

    @property
    def newest(self) -> datetime | None:
        """Its latest picture."""
        return max((each.newest for each in self.recordings if each.newest), default=None)

    @property
    def recording(self) -> bool | None:
        """Whether it records now; None: no word of that."""
        states = {each.status for each in self.recordings} - {"", "unknown"}
        return "recording" in states if states else None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """From `at` on there are pictures, or none."""

    at: datetime
    present: bool


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Pictures without a gap."""

    begin: datetime
    end: datetime


def recordings(answer: object) -> list[Recording]:
    """Of GetRecordingSearchResults."""
    listed = field(answer, "RecordingInformation")
    listed = field(answer, "ResultList", "RecordingInformation") if listed is None else listed
    return [found for each in items(listed) if (found := _recording(each)) is not None]


def in_order(found: Iterable[Recording]) -> tuple[Recording, ...]:
    """Recordings with pictures, in the order of their sources and tokens, numbers in them as numbers."""
    unique = {each.token: each for each in found if each.video}
    return tuple(sorted(unique.values(), key=lambda each: (_natural(each.source), _natural(each.token))))


def sources(found: Iterable[Recording]) -> tuple[Source, ...]:
    """The recorder's channels in their order: channel N of a site file is the N-th of these."""
    grouped: dict[str, list[Recording]] = {}
    for each in in_order(found):
        grouped.setdefault(each.source or each.token, []).append(each)
    return tuple(
        Source(source=source, name=next((each.name for each in of if each.name), ""), recordings=tuple(of))
        for source, of in grouped.items()
    )


def changes(answer: object, recording: str) -> list[Change]:
    """Of GetEventSearchResults: only those that say whether a track of this recording holds data."""
    listed = field(answer, "Result")
    listed = field(answer, "ResultList", "Result") if listed is None else listed
    found = []
    for each in items(listed):
        at = moment(field(each, "Time"))
        present = _data_present(field(each, "Event"))
        if at is not None and present is not None and text(field(each, "RecordingToken"), 64) in {"", recording}:
            found.append(Change(at=at, present=present))
    return found


def segments(found: Sequence[Change], begin: datetime, end: datetime) -> tuple[Segment, ...]:
    """Stretches with pictures between `begin` and `end`, in order."""
    made: list[Segment] = []
    since: datetime | None = None
    for change in sorted(found, key=lambda each: each.at):
        at = min(max(change.at, begin), end)
        if change.present and since is None:
            since = at
        elif not change.present and since is not None:
            if at > since:
                made.append(Segment(begin=since, end=at))
            since = None
    if since is not None and end > since:
        made.append(Segment(begin=since, end=end))
    return tuple(made[:MAX_SEGMENTS])


def _recording(answer: object) -> Recording | None:
    token = text(field(answer, "RecordingToken"), 64)
    if not token:
        return None
    tracks = items(field(answer, "Track"))
    video = [each for each in tracks if text(field(each, "TrackType")).lower() == "video"]
    times = [moment(field(each, "DataFrom")) for each in video] + [moment(field(answer, "EarliestRecording"))]
    ends = [moment(field(each, "DataTo")) for each in video] + [moment(field(answer, "LatestRecording"))]
    return Recording(
        token=token,
        source=text(field(answer, "Source", "SourceId"), 64) or text(field(answer, "Source", "Name"), 64),
        name=text(field(answer, "Source", "Name"), 64) or text(field(answer, "Content"), 64),
        oldest=min((each for each in times if each), default=None),
        newest=max((each for each in ends if each), default=None),
        video=bool(video) or not tracks,
        status=text(field(answer, "RecordingStatus"), 32).lower(),
    )


def _data_present(event: object) -> bool | None:
    """tns1:RecordingHistory/Track/State with IsDataPresent."""
    message = field(event, "Message")
    message = field(message, "_value_1") or field(message, "Message") or message
    message = items(message)[0] if items(message) else None
    for data in items(field(message, "Data")):
        for item in items(field(data, "SimpleItem")):
            if text(field(item, "Name")) == "IsDataPresent":
                return truth(field(item, "Value"))
    return None


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    parts: list[tuple[int, int, str]] = []
    word = ""
    for letter in name:
        digit = letter.isascii() and letter.isdigit()
        if word and word[-1].isdigit() != digit:
            parts.append(_part(word))
            word = ""
        word += letter
    return (*parts, _part(word)) if word else tuple(parts)


def _part(word: str) -> tuple[int, int, str]:
    return (0, int(word), "") if word.isascii() and word.isdigit() else (1, 0, word)
