"""Modbus servers for tests: a real one made with libmodbus, and one that misbehaves in every way a module can."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "integration" / "modbus_server.c"


def compiled_server(folder: Path) -> Path:
    """The libmodbus server, compiled; skips the test where that is not possible."""
    if not shutil.which("gcc") or not shutil.which("pkg-config"):
        pytest.skip("needs gcc and pkg-config to compile the libmodbus server")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=False
    )
    if flags.returncode:
        pytest.skip("needs libmodbus-dev")
    program = folder / "modbus-server"
    subprocess.run(["gcc", "-O1", "-o", program, SOURCE, *flags.stdout.split()], check=True)
    return program


class LibmodbusServer:
    """The compiled server as a child process; values are set over its standard input.

    At a port, or as one unit at a serial device.
    """

    def __init__(self, program: Path, port: int | Path, unit: int | None = None) -> None:
        self._program = program
        self._where = [str(port), *([str(unit)] if unit is not None else [])]
        self.wrote: list[tuple[int, int]] = []
        self._acknowledged = asyncio.Event()

    async def __aenter__(self) -> LibmodbusServer:
        self._child = await asyncio.create_subprocess_exec(
            self._program, *self._where, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert self._child.stdout
        assert await self._child.stdout.readline() == b"ready\n"
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def set(self, table: str, number: int, value: int) -> None:
        """Set one value; returns when the server has it."""
        assert self._child.stdin
        self._acknowledged.clear()
        self._child.stdin.write(f"{table} {number} {value}\n".encode())
        await self._acknowledged.wait()

    async def kill(self) -> None:
        """End it as a power cut would."""
        if self._child.returncode is None:
            self._child.kill()
        await self._child.wait()
        await self._reader

    async def _read(self) -> None:
        assert self._child.stdout
        while line := (await self._child.stdout.readline()).decode().split():
            if line[0] == "ok":
                self._acknowledged.set()
            else:
                self.wrote.append((int(line[1]), int(line[2])))


Answer = Callable[["FaultServer", bytes], bytes | None]
"""What to send for a request; None: nothing."""


class FaultServer:
    """A module whose answers a test chooses. `bits` are its contacts and coils alike."""

    def __init__(self) -> None:
        self.bits = [False] * 2000
        self.answer: Answer = honest
        self.requests: list[bytes] = []
        self.connections = 0
        self.held: list[bytes] = []
        self.greeting = b""
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FaultServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        await asyncio.gather(*self._serving)
        await self._server.wait_closed()

    def drop(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        self._writers.add(writer)
        try:
            writer.write(self.greeting)
            while True:
                header = await reader.readexactly(6)
                request = header + await reader.readexactly(int.from_bytes(header[4:6], "big"))
                self.requests.append(request)
                answer = self.answer(self, request)
                if answer is not None:
                    writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self._writers.discard(writer)
            self._serving.discard(task)


def honest(server: FaultServer, request: bytes) -> bytes:
    """The right answer to a read of bits or a write of one coil."""
    function = request[7]
    start, count = int.from_bytes(request[8:10], "big"), int.from_bytes(request[10:12], "big")
    if function == 5:
        server.bits[start] = count == 0xFF00
        return request
    data = bytearray(-(-count // 8))
    for index, bit in enumerate(server.bits[start : start + count]):
        data[index // 8] |= bit << index % 8
    return framed(request, bytes([function, len(data)]) + data)


def framed(request: bytes, pdu: bytes, *, unit: int | None = None) -> bytes:
    """An answer frame to `request` with this PDU."""
    return request[:4] + (len(pdu) + 1).to_bytes(2, "big") + bytes([request[6] if unit is None else unit]) + pdu
