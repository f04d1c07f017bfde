"""What the video benches run beside ours: GStreamer's RTSP server that feeds everybody, and Debian's `motion`."""

import shutil
import socket
import time
from pathlib import Path
from typing import Final

from benchmarks.processes import Process
from benchmarks.video_footage import FPS, HEIGHT, WIDTH

SERVER: Final = Path(__file__).parents[1] / "tests" / "rtsp_peer.py"
READY_S: Final = 20.0

_CONFIG: Final = """daemon off
setup_mode off
log_level 6
log_file {folder}/motion.txt
netcam_url {url}
netcam_params rtsp_transport=tcp
width {width}
height {height}
framerate {fps}
picture_output off
movie_output off
stream_port 0
webcontrol_port 0
target_dir {folder}
"""


def served(folder: Path, file: Path, streams: int) -> tuple[Process, str]:
    """A server of this file, and the address of its streams without the number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command: list[str | Path] = [
        "/usr/bin/python3",
        SERVER,
        str(port),
        "--file",
        file,
        "--fps",
        str(FPS),
        "--streams",
        str(streams),
    ]
    server = Process("RTSP server", command, folder / "server.log")
    end = time.monotonic() + READY_S
    while "ready" not in server.log.read_text():
        server.check()
        if time.monotonic() > end:
            raise TimeoutError("the RTSP server is not ready")
        time.sleep(0.05)
    return server, f"rtsp://127.0.0.1:{port}/"


def motion(folder: Path, url: str) -> Process:
    """`motion` on a stream, finding motion and writing nothing."""
    program = shutil.which("motion")
    if program is None:
        raise FileNotFoundError("motion is not installed: apt install motion")
    config = folder / "motion.conf"
    config.write_text(_CONFIG.format(url=url, width=WIDTH, height=HEIGHT, fps=FPS, folder=folder))
    return Process("motion", [program, "-n", "-c", config], folder / "motion.log")
