"""The centre's API as a person or program uses it, with one token."""

from __future__ import annotations

from typing import Any

import httpx

TIMEOUT_S = 10.0


class Desk:
    """Asks and acts as one person; `close` it."""

    def __init__(self, address: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
            timeout=TIMEOUT_S,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON behind `path`.

        Raises:
            OSError: no answer yet, or not a good one.
        """
        answer = self.ask("GET", path, params=query)
        if answer.status_code != httpx.codes.OK:
            raise OSError(f"{path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Any request.

        Raises:
            OSError: nobody answers.
        """
        try:
            return self._client.request(method, path, **more)
        except httpx.TransportError as error:
            raise OSError(f"{path}: {error!r}") from None

    def alarms(self, **query: str | int) -> list[dict[str, Any]]:
        """Alarms, newest first."""
        items: list[dict[str, Any]] = self.get("/api/v1/alarms", limit=500, **query)["items"]
        return items

    def events(self, **query: str | int) -> list[dict[str, Any]]:
        """Events, newest first."""
        items: list[dict[str, Any]] = self.get("/api/v1/events", limit=500, **query)["items"]
        return items

    def box(self, box: str) -> dict[str, Any]:
        """What is known of a box.

        Raises:
            LookupError: it was never heard.
        """
        items: list[dict[str, Any]] = self.get("/api/v1/boxes", limit=500)["items"]
        return next(iter([item for item in items if item["id"] == box]), None) or _missing(box)

    def point(self, box: str, point: str) -> dict[str, Any]:
        """A point of a box.

        Raises:
            LookupError: there is none of this name.
        """
        points: list[dict[str, Any]] = self.box(box)["points"]
        return next(iter([each for each in points if each["id"] == point]), None) or _missing(point)

    def acknowledge(self, alarm: dict[str, Any]) -> httpx.Response:
        """Take an alarm in hand, at the version that was looked at."""
        return self.ask(
            "POST", f"/api/v1/alarms/{alarm['id']}/acknowledge", headers={"If-Match": f'"{alarm["version"]}"'}
        )

    def resolve(self, alarm: dict[str, Any], resolution: str, narrative: str) -> httpx.Response:
        """Close an alarm."""
        return self.ask(
            "POST",
            f"/api/v1/alarms/{alarm['id']}/resolve",
            headers={"If-Match": f'"{alarm["version"]}"'},
            json={"resolution": resolution, "narrative": narrative},
        )

    def metrics(self) -> dict[str, float]:
        """Every figure of /metrics by its name with labels."""
        text = self.ask("GET", "/metrics").text
        rows = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in rows}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def _missing(name: str) -> dict[str, Any]:
    raise LookupError(f"{name} is not known at the centre")
