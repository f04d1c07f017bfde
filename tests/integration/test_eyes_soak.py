"""Eyes for a long time, half of their cameras away: memory, processes and descriptors stay what they were."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil
import pytest

from simulator.cameras.camera import SimulatedCamera
from simulator.cameras.faults import Fault
from simulator.claiming import free_port
from tests.waiting import eventually

LIVE, SILENT, AWAY, FLAPPING = 4, 1, 2, 1
MINUTES_IN_CI = 5
MINUTES = 30
RING_FULL_S = 160
"""Until what is allowed to grow has grown: the rings hold two minutes."""
SAMPLE_S = 5
FLAP_S = 20
GROWN_MB = 6.0
"""Between the medians of both halves: what a heap breathes, in all eyes together."""

CAMERA = """
[[camera]]
id = "{id:02}"
address = "{address}"
protocol = "rtsp"
login = {{ secret = "cameras" }}
watch = ["picture"]
"""
SITE = """
id = "0755-031"
name = "河西分理处"
unit = "西区支行"
timezone = "Asia/Shanghai"
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The eyes at one moment."""

    mb: float  # anonymous memory of all processes: that of libraries is shared with strangers
    files: int
    processes: int


def sampled(pid: int) -> Sample | None:
    """All processes of the eyes; nothing while one of them ends."""
    try:
        everybody = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        mb = sum(_anonymous_kb(each.pid) for each in everybody) / 1024
        return Sample(mb=mb, files=sum(each.num_fds() for each in everybody), processes=len(everybody))
    except (psutil.Error, OSError):
        return None


def _anonymous_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))


async def soak(minutes: float, folder: Path) -> list[Sample]:
    """Let eyes look for so long, with half of their cameras refusing, silent, or coming and going."""
    async with AsyncExitStack() as stack:
        cameras = [
            await stack.enter_async_context(SimulatedCamera(user="admin", password="Tidal:7"))
            for _ in range(LIVE + SILENT + FLAPPING)
        ]
        await cameras[LIVE].fault(Fault.SILENCE)
        addresses = [each.rtsp for each in cameras] + [f"rtsp://127.0.0.1:{free_port()}/sub" for _ in range(AWAY)]
        site = folder / "site.toml"
        site.write_text(SITE + "".join(CAMERA.format(id=number, address=each) for number, each in enumerate(addresses)))
        words = [sys.executable, "-m", "tests.eyes_process", str(site), str(folder), "admin:Tidal:7"]
        log = stack.enter_context((folder / "eyes.log").open("wb"))
        child = await asyncio.create_subprocess_exec(*words, stdout=log, stderr=log)
        samples: list[Sample] = []
        begun = asyncio.get_running_loop().time()

        def passed() -> bool:
            """Whether the time is over; looks now and then, and has one camera come and go."""
            passed_s = asyncio.get_running_loop().time() - begun
            if child.returncode is not None:
                raise RuntimeError((folder / "eyes.log").read_text())
            if len(samples) < passed_s // SAMPLE_S and (sample := sampled(child.pid)):
                samples.append(sample)
            away = passed_s // FLAP_S % 2 == 1
            if turns[-1:] != [away]:
                turns.append(away)
                turning.append(asyncio.ensure_future(cameras[-1].fault(Fault.AWAY) if away else cameras[-1].clear()))
            return passed_s >= minutes * 60

        turns: list[bool] = []
        turning: list[asyncio.Future[None]] = []
        try:
            await eventually(passed, minutes * 60 + 30, "the end of the soak")
            assert all(each.playing for each in cameras[:LIVE])
        finally:
            await asyncio.gather(*turning)
            child.terminate()
            await child.wait()
        return samples


def judged(samples: list[Sample]) -> None:
    """Flat from when the rings are full."""
    full = samples[RING_FULL_S // SAMPLE_S :]
    first, last = full[: len(full) // 2], full[len(full) // 2 :]
    grown = median(each.mb for each in last) - median(each.mb for each in first)
    assert grown < GROWN_MB, [round(each.mb, 1) for each in samples]
    assert max(each.files for each in last) <= max(each.files for each in first) + 3, [each.files for each in samples]
    assert max(each.processes for each in last) <= max(each.processes for each in first) + 3


@pytest.mark.early
@pytest.mark.timeout(MINUTES_IN_CI * 60 + 120)
async def test_five_minutes_with_half_the_cameras_away_leave_memory_flat(tmp_path: Path) -> None:
    """FIELD-FAULTS row 11, shortened: cameras that are away cost no memory, however often they are tried."""
    judged(await soak(MINUTES_IN_CI, tmp_path))


@pytest.mark.long
@pytest.mark.timeout(MINUTES * 60 + 120)
async def test_half_an_hour_with_half_the_cameras_away_leaves_memory_flat(tmp_path: Path) -> None:
    """FIELD-FAULTS row 11: the same for half an hour."""
    judged(await soak(MINUTES, tmp_path))
