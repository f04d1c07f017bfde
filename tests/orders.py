"""Orders at a console for tests: a branch whose signed bundle names people, their keys, and a box that beats."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx
import msgspec

from collector.bundles import look_at, store_bundles
from collector.times import unix_ms
from protocol.approvals import sign_key_file
from protocol.bundle import Bundle, bundle_hash, encode_bundle
from protocol.envelope import decode_base64url
from protocol.messages import Approval, ConfigState, PointState, encode
from protocol.roster import PersonKey, Right, Roster, RosterPerson
from protocol.timestamps import format_time
from tests.bundles import SITE, Bureau, key, settings, spki
from tests.console import ADDRESS, ConsoleWorld
from tests.ledgers import NOW

EVERYTHING = tuple(Right)
KEYS = {"zhao": 200, "li": 201, "wang": 202, "east-officer": 203}
"""Who has a key file, and the number of its key."""
WEB_KEY = 210
"""The officer's credential of the console's own origin, which may only arm and announce."""

PEOPLE = (
    RosterPerson(
        id="zhao",
        name="Zhao",
        roles=("security-officer",),
        keys=(
            PersonKey(
                id="zhao-1",
                kind="key_file",
                public_key=b64encode(spki(key(KEYS["zhao"]).public_key())).decode(),
                may=EVERYTHING,
            ),
            PersonKey(
                id="zhao-desk",
                kind="webauthn",
                public_key=b64encode(spki(key(WEB_KEY).public_key())).decode(),
                may=(Right.ARM, Right.ANNOUNCE),
                rp_id="desk.test",
                origin=ADDRESS,
                credential="Y3JlZGVudGlhbA",
            ),
        ),
    ),
    *(
        RosterPerson(
            id=name,
            name=name.capitalize(),
            roles=(role,),
            keys=(
                PersonKey(
                    id=f"{name}-1",
                    kind="key_file",
                    public_key=b64encode(spki(key(KEYS[name]).public_key())).decode(),
                    may=may,
                ),
            ),
        )
        for name, role, may in (
            ("li", "shift-leader", EVERYTHING),
            ("wang", "operator", (Right.ARM, Right.SILENCE)),
        )
    ),
)

POINTS = (
    PointState(id="door/outer", state="closed", age_ms=1000, name="通道外门"),
    PointState(id="zone/cash-motion", state="active", age_ms=2000, name="现金区红外", marks=("alarm", "bypassed")),
    PointState(id="zone/counter-1", state="normal", age_ms=2000, name="1 号柜台紧急按钮"),
    PointState(id="zone/hall-glass", state="unknown", age_ms=38_000, name="大厅玻璃", cause="cannot be connected"),
    PointState(id="partition/cash", state="armed_away", age_ms=60_000, name="现金区", marks=("bypassed",)),
    PointState(id="partition/hall", state="disarmed", age_ms=60_000, name="营业大厅", marks=("not_ready", "late")),
)


def branch() -> dict[str, Any]:
    """A site with a cash area, which needs two people, and a hall, which needs one."""
    made = settings()
    made["zone"].append({"id": "hall-glass", "type": "glass-break", "input": "io1/di/5"})
    made["zone"].append({"id": "counter-1", "type": "hold-up", "input": "io1/di/6"})
    made["zone"].append({"id": "smoke", "type": "fire", "input": "io1/di/7"})
    made["partition"].append({"id": "hall", "name": "营业大厅", "kind": "general", "zones": ["hall-glass"]})
    made["announcement"] = [{"id": "leave", "text": "请立即离开"}]
    return made


class OrderWorld(ConsoleWorld):
    """A console, and a box that works with a bundle which was delivered there."""

    def __init__(self, folder: Path, bureau: Bureau) -> None:
        super().__init__(folder=folder, authority=bureau.authority)
        self.bureau = bureau
        self.deliver(1)
        self.centre.take(self.box.birth(POINTS), self.box.beat(challenge="fresh-1"))

    def deliver(self, version: int, **changes: Any) -> Bundle:
        """Bring a bundle of the branch; the box works with it from its next word on."""
        fields: dict[str, Any] = {"settings": branch(), "roster": self.roster(version)} | changes
        bundle = self.bureau.bundle(version, **fields)
        offered = look_at(self.bureau.document(bundle), self.centre.pipeline.trusted, self.centre.now)
        store_bundles(self.centre.store, [offered], "zhao", unix_ms(self.centre.now))
        self.box.config = ConfigState(
            version=version,
            hash=bundle_hash(encode_bundle(bundle)),
            roster_version=bundle.roster.version,
            roster_not_after=bundle.roster.not_after,
        )
        return bundle

    def roster(self, version: int, *people: RosterPerson) -> Roster:
        """Everybody of PEOPLE, or these."""
        return Roster(version=version, not_after=format_time(NOW.replace(year=NOW.year + 1)), people=people or PEOPLE)

    async def draft(
        self, action: str = "disarm", args: dict[str, Any] | None = None, who: str = "zhao", site: str = SITE
    ) -> httpx.Response:
        """Somebody draws an order up."""
        body = {"site": site, "action": action, "args": {"partition": "hall"} if args is None else args}
        async with self.client(who, **{"Accept-Language": "en"}) as client:
            return await client.post("/api/v1/orders", json=body)

    async def approve(
        self, order: dict[str, Any], approval: Approval, who: str, address: str | None = None
    ) -> httpx.Response:
        """Somebody brings an approval."""
        body = _fields(approval)
        async with self.client(who, **{"Accept-Language": "en"}) as client:
            return await client.post(address or f"/api/v1/orders/{order['id']}/approvals", json=body)

    async def order(self, order_id: str, who: str = "zhao") -> dict[str, Any]:
        """How an order stands."""
        async with self.client(who, **{"Accept-Language": "en"}) as client:
            answer = await client.get(f"/api/v1/orders/{order_id}")
        told: dict[str, Any] = answer.json()
        return told


def signed(order: dict[str, Any], person: str, /, **other: Any) -> Approval:
    """What this person's key file says of an order."""
    fields: dict[str, Any] = {
        "order_line": decode_base64url(order["line"].encode()),
        "order": order["id"],
        "person": person,
        "credential": f"{person}-1",
        "private_key": key(KEYS[person]),
    } | other
    return sign_key_file(**fields)


def _fields(approval: Approval) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(encode(approval))
    return told
