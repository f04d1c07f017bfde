"""ONVIF devices for tests that this project did not write: ipycam's own answers, served on loopback only.

`ipycam` as a program binds every address of the machine; its handler and its ONVIF service do not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

from ipycam.config import CameraConfig  # type: ignore[import-untyped]
from ipycam.http import IPCameraHTTPHandler  # type: ignore[import-untyped]
from ipycam.onvif import ONVIFService  # type: ignore[import-untyped]
from ipycam.ptz import PTZController  # type: ignore[import-untyped]


@contextmanager
def ipycam(user: str = "", password: str = "", **settings: Any) -> Iterator[int]:
    """An ipycam on loopback; gives its port. It says that it is at `local_ip`, like any camera does."""
    config = CameraConfig(**{"local_ip": "127.0.0.1", "username": user, "password": password, **settings})
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (IPCameraHTTPHandler,), {}))
    server.daemon_threads = True
    config.onvif_port = server.server_address[1]
    onvif = ONVIFService(config, PTZController(enable_digital_ptz=False))
    server.RequestHandlerClass.camera = SimpleNamespace(config=config, onvif=onvif)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
