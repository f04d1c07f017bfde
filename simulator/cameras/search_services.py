"""ONVIF Profile G of a simulated device: recording search, recording control, replay, as tables of answers. Pure.

Flow: onvif.py -> here -> recordings.py says what there is.
"""

from collections.abc import Callable, Mapping
from typing import Final
from xml.sax.saxutils import escape

from simulator.cameras.device import Device
from simulator.cameras.device_services import NoSuchThingError, rtsp_at
from simulator.cameras.faults import Fault
from simulator.cameras.recordings import DAY_S, Recording, changes
from simulator.cameras.soap import Call, find, time_of, time_text

MAX_SEARCHES: Final = 16
PAGE: Final = 50
"""Results of one answer, where the client asks for no less."""
TRACK: Final = "video"


def _stands(device: Device, recording: Recording) -> bool:
    return (
        recording.until_s is None
        and recording.channel not in device.stopped_s
        and Fault.RECORDING_STOPPED not in device.state.faults
    )


def _segments(device: Device, recording: Recording) -> tuple[tuple[float, float], ...]:
    now_s = device.state.wall_s()
    return recording.segments(min(now_s, device.stopped_s.get(recording.channel, now_s)))


def _source(device: Device, recording: Recording) -> str:
    name = recording.name or next((each.name for each in device.sources if each.number == recording.channel), "")
    return (
        f"<tt:Source><tt:SourceId>source-{recording.channel}</tt:SourceId><tt:Name>{escape(name)}</tt:Name>"
        "<tt:Location/><tt:Description/><tt:Address/></tt:Source>"
    )


def _information(device: Device, recording: Recording, token: str, from_s: float, to_s: float, *, last: bool) -> str:
    status = "Recording" if last and _stands(device, recording) else "Stopped"
    return (
        f"<tt:RecordingInformation><tt:RecordingToken>{token}</tt:RecordingToken>{_source(device, recording)}"
        f"<tt:EarliestRecording>{time_text(from_s)}</tt:EarliestRecording>"
        f"<tt:LatestRecording>{time_text(to_s)}</tt:LatestRecording><tt:Content/>"
        f"<tt:Track><tt:TrackToken>{TRACK}</tt:TrackToken><tt:TrackType>Video</tt:TrackType><tt:Description/>"
        f"<tt:DataFrom>{time_text(from_s)}</tt:DataFrom><tt:DataTo>{time_text(to_s)}</tt:DataTo></tt:Track>"
        f"<tt:RecordingStatus>{status}</tt:RecordingStatus></tt:RecordingInformation>"
    )


def _told(device: Device, recording: Recording) -> list[str]:
    segments = _segments(device, recording)
    if not segments:
        return []
    if not recording.split:
        from_s, to_s = segments[0][0], segments[-1][1]
        return [_information(device, recording, recording.token, from_s, to_s, last=True)]
    return [
        _information(device, recording, f"{recording.token}-{number}", from_s, to_s, last=number == len(segments) - 1)
        for number, (from_s, to_s) in enumerate(segments)
    ]


def _summary(device: Device, _call: Call, _at: str) -> str:
    held = [each for recording in device.recordings for each in _segments(device, recording)]
    from_s = min((each[0] for each in held), default=device.state.wall_s())
    to_s = max((each[1] for each in held), default=from_s)
    count = sum(len(_told(device, each)) for each in device.recordings)
    return (
        f"<tse:Summary><tt:DataFrom>{time_text(from_s)}</tt:DataFrom><tt:DataUntil>{time_text(to_s)}</tt:DataUntil>"
        f"<tt:NumberRecordings>{count}</tt:NumberRecordings></tse:Summary>"
    )


def _scope(device: Device, call: Call) -> tuple[Recording, ...]:
    """The recordings that a search includes: by recording, by source, or all."""
    named = {(each.text or "").strip() for each in call.body.iter() if each.tag.endswith("}IncludedRecordings")}
    sources = {find(each, "Token") for each in call.body.iter() if each.tag.endswith("}IncludedSources")}
    return tuple(
        each
        for each in device.recordings
        if (not named or each.token in named) and (not sources or f"source-{each.channel}" in sources)
    )


def _begin(device: Device, results: list[str]) -> str:
    if len(device.searches) >= MAX_SEARCHES:
        device.searches.pop(next(iter(device.searches)))
    token = f"search-{len(device.searches)}-{time_text(device.state.wall_s())}".replace(":", "")
    while token in device.searches:
        token += "x"
    device.searches[token] = results
    return f"<tse:SearchToken>{token}</tse:SearchToken>"


def _find_recordings(device: Device, call: Call, _: str) -> str:
    return _begin(device, [told for each in _scope(device, call) for told in _told(device, each)])


def _find_events(device: Device, call: Call, _: str) -> str:
    """Of all kinds of events of a recording only this one is kept: whether there are pictures."""
    now_s = device.state.wall_s()
    from_s = time_of(find(call.body, "StartPoint")) or now_s - DAY_S
    to_s = time_of(find(call.body, "EndPoint")) or now_s
    with_start = find(call.body, "IncludeStartState") != "false"
    backwards = to_s < from_s
    results = [
        _event(recording, at_s, there, start)
        for recording in _scope(device, call)
        for at_s, there, start in changes(_segments(device, recording), min(from_s, to_s), max(from_s, to_s))
        if with_start or not start
    ]
    return _begin(device, results[::-1] if backwards else results)


def _event(recording: Recording, at_s: float, there: bool, start: bool) -> str:
    return (
        f"<tt:Result><tt:RecordingToken>{recording.token}</tt:RecordingToken><tt:TrackToken>{TRACK}</tt:TrackToken>"
        f"<tt:Time>{time_text(at_s)}</tt:Time><tt:Event>"
        '<wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">'
        "tns1:RecordingHistory/Track/State</wsnt:Topic><wsnt:Message>"
        f'<tt:Message UtcTime="{time_text(at_s)}" PropertyOperation="{"Initialized" if start else "Changed"}">'
        f'<tt:Source><tt:SimpleItem Name="RecordingToken" Value="{recording.token}"/>'
        f'<tt:SimpleItem Name="Track" Value="{TRACK}"/></tt:Source>'
        f'<tt:Data><tt:SimpleItem Name="IsDataPresent" Value="{"true" if there else "false"}"/></tt:Data>'
        "</tt:Message></wsnt:Message></tt:Event>"
        f"<tt:StartStateEvent>{'true' if start else 'false'}</tt:StartStateEvent></tt:Result>"
    )


def _results(device: Device, call: Call, _: str) -> str:
    token = find(call.body, "SearchToken")
    if token not in device.searches:
        raise NoSuchThingError(token)
    asked = find(call.body, "MaxResults")
    count = min(PAGE, int(asked)) if asked.isdigit() and int(asked) else PAGE
    waiting = device.searches[token]
    page, device.searches[token] = waiting[:count], waiting[count:]
    state = "Searching" if device.searches[token] else "Completed"
    return f"<tse:ResultList><tt:SearchState>{state}</tt:SearchState>{''.join(page)}</tse:ResultList>"


def _end_search(device: Device, call: Call, _: str) -> str:
    if device.searches.pop(find(call.body, "SearchToken"), None) is None:
        raise NoSuchThingError("SearchToken")
    return f"<tse:Endpoint>{time_text(device.state.wall_s())}</tse:Endpoint>"


def _one(device: Device, call: Call) -> Recording:
    token = find(call.body, "RecordingToken") or find(call.body, "JobToken").removeprefix("job-of-")
    found = next((each for each in device.recordings if token in {each.token, token_of_segment(each, token)}), None)
    if found is None:
        raise NoSuchThingError(token)
    return found


def token_of_segment(recording: Recording, token: str) -> str:
    """The token itself where it names a stretch of this recording."""
    return token if recording.split and token.startswith(f"{recording.token}-") else recording.token


def _recording_information(device: Device, call: Call, _: str) -> str:
    recording = _one(device, call)
    told = "".join(_told(device, recording)[-1:])
    return told.replace("tt:RecordingInformation>", "tse:RecordingInformation>")


def _recordings(device: Device, _call: Call, _at: str) -> str:
    return "".join(
        f"<trc:RecordingItem><tt:RecordingToken>{each.token}</tt:RecordingToken><tt:Configuration>"
        f"{_source(device, each)}<tt:Content/><tt:MaximumRetentionTime>P{int(each.days)}D</tt:MaximumRetentionTime>"
        f"</tt:Configuration><tt:Tracks><tt:Track><tt:TrackToken>{TRACK}</tt:TrackToken><tt:Configuration>"
        "<tt:TrackType>Video</tt:TrackType><tt:Description/></tt:Configuration></tt:Track></tt:Tracks>"
        "</trc:RecordingItem>"
        for each in device.recordings
    )


def _jobs(device: Device, _call: Call, _at: str) -> str:
    return "".join(
        f"<trc:JobItem><tt:JobToken>job-of-{each.token}</tt:JobToken><tt:JobConfiguration>"
        f"<tt:RecordingToken>{each.token}</tt:RecordingToken>"
        f"<tt:Mode>{'Active' if _stands(device, each) else 'Idle'}</tt:Mode><tt:Priority>1</tt:Priority>"
        "</tt:JobConfiguration></trc:JobItem>"
        for each in device.recordings
    )


def _job_state(device: Device, call: Call, _: str) -> str:
    recording = _one(device, call)
    state = "Active" if _stands(device, recording) else "Idle"
    return (
        f"<trc:State><tt:RecordingToken>{recording.token}</tt:RecordingToken><tt:State>{state}</tt:State></trc:State>"
    )


def _replay_uri(device: Device, call: Call, at: str) -> str:
    recording = _one(device, call)
    return f"<trp:Uri>{rtsp_at(device, at)}/replay/{recording.channel}</trp:Uri>"


SEARCH_ANSWERS: Final[Mapping[str, Callable[[Device, Call, str], str]]] = {
    "tse:GetServiceCapabilities": lambda _device, _call, _at: '<tse:Capabilities MetadataSearch="false"/>',
    "tse:GetRecordingSummary": _summary,
    "tse:GetRecordingInformation": _recording_information,
    "tse:FindRecordings": _find_recordings,
    "tse:GetRecordingSearchResults": _results,
    "tse:FindEvents": _find_events,
    "tse:GetEventSearchResults": _results,
    "tse:EndSearch": _end_search,
    "trc:GetRecordings": _recordings,
    "trc:GetRecordingJobs": _jobs,
    "trc:GetRecordingJobState": _job_state,
    "trp:GetReplayUri": _replay_uri,
}
