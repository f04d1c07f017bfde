"""An RTSP server that this project did not write (GStreamer's), as a program under the system's own python3.

Usage: /usr/bin/python3 rtsp_peer.py PORT --file clip.h264 [--fps 5] [--streams 1] [--user NAME --password WORD].
Streams are /0, /1... Prints `ready`. TCP only, as cameras in banks are asked. Imports nothing of the project: it runs
outside its environment.
"""

import argparse

import gi  # type: ignore[import-not-found]

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # type: ignore[import-not-found]  # noqa: E402 - versions come first
    GLib,
    Gst,
    GstRtsp,
    GstRtspServer,
)


def pipeline(options: argparse.Namespace) -> str:
    """A file of H.264, again and again, in its own time."""
    return (
        f"( multifilesrc location={options.file} loop=true "
        f"caps=video/x-h264,stream-format=byte-stream,framerate={options.fps}/1 "
        "! h264parse ! identity sync=true ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )


def guarded(server: GstRtspServer.RTSPServer, user: str, password: str) -> None:
    """Let in only who proves the password, by digest."""
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "eye")
    auth.add_digest(user, password, token)
    server.set_auth(auth)


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--file", required=True)
    parser.add_argument("--fps", type=int, default=5)
    parser.add_argument("--streams", type=int, default=1)
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    if options.user:
        guarded(server, options.user, options.password)
    for number in range(options.streams):
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(pipeline(options))
        factory.set_shared(True)
        factory.set_protocols(GstRtsp.RTSPLowerTrans.TCP)
        if options.user:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("eye", "media.factory.access", True)
            permissions.add_permission_for_role("eye", "media.factory.construct", True)
            factory.set_permissions(permissions)
        server.get_mount_points().add_factory(f"/{number}", factory)
    if not server.attach(None):
        raise SystemExit("the port is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
