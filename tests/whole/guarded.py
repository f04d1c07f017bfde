"""A bank with one branch that guards: its box enrolled, its bundle signed and delivered, people whose keys it obeys."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from protocol.envelope import decode_base64url
from protocol.messages import encode
from protocol.roster import Roster
from protocol.timestamps import format_time
from tests.approvers import Approver
from tests.enrolled import RealBureau, branch_settings, changed, enrol
from tests.waiting import eventually_blocking
from tests.whole.accounts import OUTBOX
from tests.whole.bank import BRANCHWATCH, READY_S, Bank
from tests.whole.desk import Desk

ANSWERED_S = 20.0


class GuardedBranch:
    """Take it around a bank of one box; `start`, order, look at the box itself."""

    def __init__(self, bank: Bank, *people: Approver) -> None:
        self.bank, self.box, self.people = bank, bank.boxes[0], people
        self.bureau = RealBureau(bank.certificates)
        not_after = format_time(datetime.now(UTC) + timedelta(days=30))
        self.bureau.roster = Roster(version=1, not_after=not_after, people=tuple(each.person for each in people))
        self.documents: list[bytes] = []

    @property
    def settings(self) -> dict[str, Any]:
        """The site file: a cash area, which needs two people, with the inner door; a hall, with the outer one."""
        settings = branch_settings(self.box.branch.port, self.bank.broker_address)
        doors = [dict(door) for door in settings["door"]]
        for door, partition in zip(doors, ("hall", "cash"), strict=False):  # the vault's has no lock
            door["partition"] = partition
        partitions = [
            {"id": "cash", "name": "现金区", "kind": "cash", "zones": ["cash-motion"], "exit_delay": "1s"},
            {"id": "hall", "name": "营业大厅", "kind": "general", "zones": ["glass-2"], "exit_delay": "1s"},
        ]
        return changed(settings, door=doors, partition=partitions)

    def document(self, version: int = 1, *signers: str, **changes: Any) -> bytes:
        """A signed bundle of this branch."""
        return self.bureau.document(self.bureau.bundle(version, **({"settings": self.settings} | changes)), *signers)

    def start(self) -> None:
        """Enrol the box, bring its bundle to the centre, start everything; the box has beaten when this returns."""
        first = self.document()
        self.documents.append(first)
        enrol(self.box.state, self.bank.certificates, self.bureau, first)
        if self.bank.broker is not None:
            self.bank.broker.start()
        self.bank.start_collector()
        file: Path = self.bank.folder / "bundle.json"
        file.write_bytes(first)
        done = self.bank.run(*BRANCHWATCH, "collector", "deliver", file, "--config", self.bank.config, name="deliver")
        assert done.wait(READY_S) == 0, done.tail()
        self.box.process = self.bank.run(*BRANCHWATCH, "agent", "run", "--state", self.box.state, name="box")

        def beats() -> bool:
            known = self.bank.desk.box(self.box.id)
            states = {point["id"]: point["state"] for point in known["points"]}
            assert known["config"]["version"] == 1
            assert known["health"], "no beat yet"
            return states.get("partition/cash") == "disarmed" and states.get("zone/glass-2") == "normal"

        eventually_blocking(beats, timeout_s=READY_S, what="the box guards, and its first beat is heard")

    def draft(self, desk: Desk, action: str, **args: Any) -> dict[str, Any]:
        """Somebody draws an order up."""
        answer = desk.ask("POST", "/api/v1/orders", json={"site": self.box.site.id, "action": action, "args": args})
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def approve(self, desk: Desk, order: dict[str, Any], approver: Approver) -> dict[str, Any]:
        """Somebody approves what its line says."""
        approval = approver.approve(decode_base64url(order["line"].encode()))
        body = json.loads(encode(approval))
        answer = desk.ask("POST", f"/api/v1/orders/{order['id']}/approvals", json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ended(self, desk: Desk, order: dict[str, Any]) -> dict[str, Any]:
        """The order once the box has answered."""

        def so() -> dict[str, Any]:
            told: dict[str, Any] = desk.get(f"/api/v1/orders/{order['id']}")
            assert told["outcome"] is not None, told["state"]
            return told

        return eventually_blocking(so, timeout_s=ANSWERED_S, what="the box has answered")

    def stages(self) -> dict[str, str]:
        """How each partition stands, out of the box's own memory."""
        partitions = self._saved()["arming"].get("partitions", {})
        return {name: partitions.get(name, {}).get("stage", "disarmed") for name in ("cash", "hall")}

    def bypassed(self) -> set[str]:
        """Zones that are out of guard, out of the box's own memory."""
        zones = self._saved()["arming"].get("zones", {})
        return {name for name, zone in zones.items() if zone.get("bypass")}

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """What the box itself wrote down, in its order."""
        connection = sqlite3.connect(self.box.state / OUTBOX, timeout=10)
        try:
            rows = connection.execute("SELECT line FROM events ORDER BY lane DESC, seq").fetchall()
        finally:
            connection.close()
        told = [json.loads(line) for (line,) in rows]
        return [event for event in told if event["kind"] in kinds]

    def answer(self, order: str) -> dict[str, Any]:
        """What the box wrote down of an order; the first word about it."""

        def so() -> dict[str, Any]:
            found = [
                each for each in self.events("order.executed", "order.refused") if each["facts"].get("order") == order
            ]
            assert found, f"no word about {order}"
            return found[0]

        return eventually_blocking(so, timeout_s=ANSWERED_S, what="the box has answered")

    def _saved(self) -> dict[str, Any]:
        connection = sqlite3.connect(self.box.state / OUTBOX, timeout=10)
        try:
            row = connection.execute("SELECT value FROM saved WHERE key = 'guard'").fetchone()
        finally:
            connection.close()
        saved: dict[str, Any] = json.loads(row[0])
        return saved


def with_more(approver: Approver, *others: Approver) -> Approver:
    """The same person with more keys."""
    assert all(each.name == approver.name for each in others)
    more = tuple(replace(each.key) for each in others)
    return Approver(**(vars(approver) | {"more": more}))
