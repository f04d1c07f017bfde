"""The webhook of the notices' bench, a process of its own: it notes when each message arrives and tells on demand.

`POST /send` takes one of ours, `POST /alerts` one of Alertmanager's, which may hold several; `GET /` gives the list
[name, level, nanoseconds] and forgets it. Prints its port.
"""

import asyncio
import json
import time

HOST = "127.0.0.1"

arrived: list[tuple[str, int, int]] = []


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            first, _, rest = head.partition(b"\r\n")
            length = 0
            for line in rest.split(b"\r\n"):
                if line[:15].lower() == b"content-length:":
                    length = int(line[15:])
            body = await reader.readexactly(length) if length else b""
            at = time.time_ns()
            answer = b""
            if first.startswith(b"POST /send"):
                said = json.loads(body)
                arrived.append((said["alarm"]["site"] + " " + said["alarm"]["source"], said["level"], at))
            elif first.startswith(b"POST /alerts"):
                labels = [alert["labels"] for alert in json.loads(body)["alerts"]]
                arrived.extend((each["alertname"], int(each["level"]), at) for each in labels)
            else:
                answer = json.dumps(arrived).encode()
                arrived.clear()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Listen until ended."""
    server = await asyncio.start_server(serve, HOST, 0, limit=1 << 26)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
