"""ONVIF's device, device I/O, media and PTZ services of a simulated device, as tables of answers. Pure.

Each answer is the inside of its `...Response`, in the order that ONVIF's schemas ask for. Flow: onvif.py -> here.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from simulator.cameras.device import Device, Source, Stream
from simulator.cameras.soap import NAMES, Call, find

Answers = Mapping[str, Callable[[Device, Call, str], str]]
"""Operation -> its answer; the text is the address under which the client knows the device, http://host:port."""


class NoSuchThingError(LookupError):
    """The client names a profile, a source or a preset that is not there."""


PATHS: Final[Mapping[str, str]] = {
    "tds": "/onvif/device_service",
    "trt": "/onvif/media_service",
    "tev": "/onvif/event_service",
    "tmd": "/onvif/deviceio_service",
    "tptz": "/onvif/ptz_service",
    "trc": "/onvif/recording_service",
    "tse": "/onvif/search_service",
    "trp": "/onvif/replay_service",
}
RECORDER_ONLY: Final = frozenset({"trc", "tse", "trp"})


def _services(device: Device) -> dict[str, str]:
    left_out = set(() if device.recordings else RECORDER_ONLY) | set(() if device.presets else {"tptz"})
    return {prefix: path for prefix, path in PATHS.items() if prefix not in left_out}


def _get_services(device: Device, _: Call, at: str) -> str:
    return "".join(
        f"<tds:Service><tds:Namespace>{NAMES[prefix]}</tds:Namespace><tds:XAddr>{at}{path}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>42</tt:Minor></tds:Version></tds:Service>"
        for prefix, path in _services(device).items()
    )


def _get_capabilities(device: Device, _: Call, at: str) -> str:
    has = _services(device)
    ptz = f"<tt:PTZ><tt:XAddr>{at}{PATHS['tptz']}</tt:XAddr></tt:PTZ>" if "tptz" in has else ""
    recorder = (
        f"<tt:Recording><tt:XAddr>{at}{PATHS['trc']}</tt:XAddr><tt:ReceiverSource>false</tt:ReceiverSource>"
        "<tt:MediaProfileSource>true</tt:MediaProfileSource><tt:DynamicRecordings>false</tt:DynamicRecordings>"
        "<tt:DynamicTracks>false</tt:DynamicTracks><tt:MaxStringLength>64</tt:MaxStringLength></tt:Recording>"
        f"<tt:Search><tt:XAddr>{at}{PATHS['tse']}</tt:XAddr><tt:MetadataSearch>false</tt:MetadataSearch></tt:Search>"
        f"<tt:Replay><tt:XAddr>{at}{PATHS['trp']}</tt:XAddr></tt:Replay>"
        if "tse" in has
        else ""
    )
    return (
        f"<tds:Capabilities><tt:Device><tt:XAddr>{at}{PATHS['tds']}</tt:XAddr></tt:Device>"
        f"<tt:Events><tt:XAddr>{at}{PATHS['tev']}</tt:XAddr>"
        "<tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport>"
        "<tt:WSPullPointSupport>true</tt:WSPullPointSupport>"
        "<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport>"
        f"</tt:Events><tt:Media><tt:XAddr>{at}{PATHS['trt']}</tt:XAddr><tt:StreamingCapabilities>"
        "<tt:RTPMulticast>false</tt:RTPMulticast><tt:RTP_TCP>false</tt:RTP_TCP>"
        f"<tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities></tt:Media>{ptz}"
        f"<tt:Extension><tt:DeviceIO><tt:XAddr>{at}{PATHS['tmd']}</tt:XAddr>"
        f"<tt:VideoSources>{len(device.sources)}</tt:VideoSources><tt:VideoOutputs>0</tt:VideoOutputs>"
        "<tt:AudioSources>0</tt:AudioSources><tt:AudioOutputs>0</tt:AudioOutputs>"
        f"<tt:RelayOutputs>0</tt:RelayOutputs></tt:DeviceIO>{recorder}</tt:Extension></tds:Capabilities>"
    )


def _get_date(device: Device, _call: Call, _at: str) -> str:
    now = datetime.fromtimestamp(device.state.wall_s(), UTC)
    moment = (
        f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
        f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
        "</tt:Date>"
    )
    return (
        "<tds:SystemDateAndTime><tt:DateTimeType>Manual</tt:DateTimeType><tt:DaylightSavings>false</tt:DaylightSavings>"
        f"<tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone><tt:UTCDateTime>{moment}</tt:UTCDateTime>"
        "</tds:SystemDateAndTime>"
    )


def _get_information(device: Device, _call: Call, _at: str) -> str:
    return (
        f"<tds:Manufacturer>Simulated</tds:Manufacturer><tds:Model>{escape(device.model)}</tds:Model>"
        "<tds:FirmwareVersion>1.0</tds:FirmwareVersion>"
        f"<tds:SerialNumber>{escape(device.state.name)}</tds:SerialNumber><tds:HardwareId>{device.kind}</tds:HardwareId>"
    )


def _get_scopes(device: Device, _call: Call, _at: str) -> str:
    return "".join(
        f"<tds:Scopes><tt:ScopeDef>Fixed</tt:ScopeDef><tt:ScopeItem>{scope}</tt:ScopeItem></tds:Scopes>"
        for scope in scopes(device)
    )


def scopes(device: Device) -> tuple[str, ...]:
    """What it says of itself in discovery."""
    base = "onvif://www.onvif.org"
    name = escape(device.state.name.replace(" ", "_"))
    profile = ("Streaming", "G") if device.recordings else ("Streaming",)
    return (f"{base}/name/{name}", f"{base}/hardware/{device.model}", *(f"{base}/Profile/{each}" for each in profile))


def _interfaces(_device: Device, _call: Call, _at: str) -> str:
    return (
        '<tds:NetworkInterfaces token="eth0"><tt:Enabled>true</tt:Enabled><tt:Info><tt:Name>eth0</tt:Name>'
        "<tt:HwAddress>02:00:00:00:00:01</tt:HwAddress></tt:Info></tds:NetworkInterfaces>"
    )


def _hostname(_device: Device, _call: Call, _at: str) -> str:
    return (
        "<tds:HostnameInformation><tt:FromDHCP>false</tt:FromDHCP><tt:Name>camera</tt:Name></tds:HostnameInformation>"
    )


def _inputs(device: Device, _call: Call, _at: str) -> str:
    return "".join(f'<tmd:DigitalInputs token="input-{number}"/>' for number in range(1, device.inputs + 1))


def _get_profiles(device: Device, _call: Call, _at: str) -> str:
    return "".join(
        _profile(device, source, token, "trt:Profiles") for source in device.sources for token in source.streams
    )


def _get_profile(device: Device, call: Call, _: str) -> str:
    source, _stream = _found(device, find(call.body, "ProfileToken"))
    return _profile(device, source, find(call.body, "ProfileToken"), "trt:Profile")


def _profile(device: Device, source: Source, token: str, element: str) -> str:
    stream = source.streams[token]
    main = source.main
    size = f"<tt:Width>{stream.width}</tt:Width><tt:Height>{stream.height}</tt:Height>"
    ptz = (
        '<tt:PTZConfiguration token="ptz"><tt:Name>ptz</tt:Name><tt:UseCount>2</tt:UseCount>'
        "<tt:NodeToken>ptz-node</tt:NodeToken></tt:PTZConfiguration>"
        if device.presets
        else ""
    )
    return (
        f'<{element} token="{token}" fixed="true"><tt:Name>{token}</tt:Name>'
        f'<tt:VideoSourceConfiguration token="of-{source.token}"><tt:Name>{escape(source.name)}</tt:Name>'
        f"<tt:UseCount>2</tt:UseCount><tt:SourceToken>{source.token}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="{main.width}" height="{main.height}"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="coder-{token}"><tt:Name>{token}</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>H264</tt:Encoding><tt:Resolution>{size}</tt:Resolution><tt:Quality>5</tt:Quality>"
        f"<tt:RateControl><tt:FrameRateLimit>{stream.fps}</tt:FrameRateLimit>"
        "<tt:EncodingInterval>1</tt:EncodingInterval>"
        f"<tt:BitrateLimit>{stream.kbps}</tt:BitrateLimit></tt:RateControl>"
        f"<tt:H264><tt:GovLength>{stream.fps * 2}</tt:GovLength><tt:H264Profile>Baseline</tt:H264Profile></tt:H264>"
        "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
        "<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
        f"<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>{ptz}</{element}>"
    )


def _get_sources(device: Device, _call: Call, _at: str) -> str:
    return "".join(
        f'<trt:VideoSources token="{each.token}"><tt:Framerate>{each.main.fps}</tt:Framerate><tt:Resolution>'
        f"<tt:Width>{each.main.width}</tt:Width><tt:Height>{each.main.height}</tt:Height></tt:Resolution>"
        "</trt:VideoSources>"
        for each in device.sources
    )


def _stream_uri(device: Device, call: Call, at: str) -> str:
    _, stream = _found(device, find(call.body, "ProfileToken"))
    return media_uri("trt", f"{rtsp_at(device, at)}/{stream.path}")


def _snapshot_uri(device: Device, call: Call, at: str) -> str:
    source, _ = _found(device, find(call.body, "ProfileToken"))
    return media_uri("trt", f"{at}/snapshot/{source.number}.jpg")


def media_uri(prefix: str, uri: str) -> str:
    """As media services give addresses."""
    return (
        f"<{prefix}:MediaUri><tt:Uri>{uri}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        "<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout>"
        f"</{prefix}:MediaUri>"
    )


def rtsp_at(device: Device, at: str) -> str:
    """Its RTSP server, at the host that the client knows it by."""
    host = at.removeprefix("http://").rpartition(":")[0]
    return f"rtsp://{host}:{device.rtsp_port()}"


def _nodes(device: Device, _call: Call, _at: str) -> str:
    return (
        '<tptz:PTZNode token="ptz-node"><tt:Name>ptz</tt:Name><tt:SupportedPTZSpaces/>'
        f"<tt:MaximumNumberOfPresets>{len(device.presets)}</tt:MaximumNumberOfPresets>"
        "<tt:HomeSupported>true</tt:HomeSupported></tptz:PTZNode>"
    )


def _presets(device: Device, _call: Call, _at: str) -> str:
    return "".join(
        f'<tptz:Preset token="preset-{number}"><tt:Name>{escape(name)}</tt:Name></tptz:Preset>'
        for number, name in enumerate(device.presets, start=1)
    )


def _goto_preset(device: Device, call: Call, _: str) -> str:
    token = find(call.body, "PresetToken")
    known = {f"preset-{number}": number for number in range(1, len(device.presets) + 1)}
    if token not in known:
        raise NoSuchThingError(token)
    device.preset = known[token]
    return ""


def _go_home(device: Device, _call: Call, _at: str) -> str:
    device.preset = 0
    return ""


def _capable(inner: str) -> Callable[[Device, Call, str], str]:
    return lambda _device, _call, _at: inner


def _found(device: Device, token: str) -> tuple[Source, Stream]:
    for source in device.sources:
        if token in source.streams:
            return source, source.streams[token]
    raise NoSuchThingError(token)


DEVICE_ANSWERS: Final[Answers] = {
    "tds:GetServices": _get_services,
    "tds:GetCapabilities": _get_capabilities,
    "tds:GetServiceCapabilities": _capable(
        '<tds:Capabilities><tds:Network/><tds:Security UsernameToken="true" HttpDigest="true"/><tds:System/>'
        "</tds:Capabilities>"
    ),
    "tds:GetSystemDateAndTime": _get_date,
    "tds:GetDeviceInformation": _get_information,
    "tds:GetScopes": _get_scopes,
    "tds:GetNetworkInterfaces": _interfaces,
    "tds:GetHostname": _hostname,
    "tmd:GetDigitalInputs": _inputs,
    "trt:GetProfiles": _get_profiles,
    "trt:GetProfile": _get_profile,
    "trt:GetVideoSources": _get_sources,
    "trt:GetStreamUri": _stream_uri,
    "trt:GetSnapshotUri": _snapshot_uri,
    "tptz:GetNodes": _nodes,
    "tptz:GetPresets": _presets,
    "tptz:GotoPreset": _goto_preset,
    "tptz:GotoHomePosition": _go_home,
}
"""Everything here but what waits (events) and what a recorder tells."""

FREE: Final = frozenset(
    {
        "tds:GetServices",
        "tds:GetCapabilities",
        "tds:GetServiceCapabilities",
        "tds:GetSystemDateAndTime",
        "tds:GetHostname",
    }
)
"""Access class PRE_AUTH of ONVIF's core specification: nobody is asked for a password."""
