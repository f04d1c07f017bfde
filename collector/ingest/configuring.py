"""What boxes say of their site bundles, into their rows: orders to send, drift to tell; the shell of fleet/configs.py.

Inside the transaction, after signs of life were heard and events placed. Flow: births, beats and `config.refused`
events -> here -> rows of configs, findings, bundles to deliver after the commit.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from collector.fleet import configs
from collector.fleet.configs import BoxConfig
from collector.fleet.records import Condition, Found
from collector.ingest.work import Work
from collector.storage import bundles
from collector.storage.journal import Entry
from collector.storage.records import Topic
from protocol.messages import ConfigState

_SHOWN = ("hash", "wanted_hash", "roster_not_after", "machine", "drift", "refused_reason")
"""Fields whose change the desk wants to see at once."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one sign of life of a box's present run says; `machine` is None for a beat, `returned`: it was silent."""

    box: str
    site: str
    config: ConfigState | None
    machine: str | None = None
    returned: bool = False
    forked: bool = False


def follow_configs(work: Work, said: Sequence[Said], collector: str) -> list[tuple[str, bytes]]:
    """Take what was said in its order; returns (box, document) of the bundles to send now."""
    boxes = {each.box for each in said} | {refusal.box for refusal in work.refusals}
    if not boxes:
        return []
    known = bundles.configs_of(work.connection, boxes)
    fresh = dict(known)
    for refusal in work.refusals:
        row = fresh.get(refusal.box) or BoxConfig(box=refusal.box)
        fresh[refusal.box] = configs.hear_refusal(row, refusal.hash, refusal.reason, work.now_ms)
    last: dict[str, Said] = {}
    for each in said:
        row = fresh.get(each.box) or BoxConfig(box=each.box)
        if each.machine is not None:
            row = configs.hear_birth(row, each.config, each.machine, work.now_ms, returned=each.returned)
        else:
            row = configs.hear_beat(row, each.config, work.now_ms, returned=each.returned)
        fresh[each.box] = row
        last[each.box] = each
    _judge(work, fresh, last)
    sending = _deliver(work, fresh, last.values())
    changed = {box: row for box, row in fresh.items() if row != known.get(box)}
    bundles.save_configs(work.connection, changed, known)
    for box, row in changed.items():
        if box in last and _shows(known.get(box), row):
            site = last[box].site
            work.entries.append(Entry(topic=Topic.BOX, subject=box, action="changed", site=site, person=collector))
    return sending


def _judge(work: Work, fresh: dict[str, BoxConfig], last: Mapping[str, Said]) -> None:
    asked = {(box, fresh[box].hash) for box in last if fresh[box].hash and fresh[box].hash != fresh[box].wanted_hash}
    there = bundles.known_bundles(work.connection, asked) if asked else set()
    for box, said in last.items():
        row = fresh[box]
        drift = configs.drift_of(row, known=(box, row.hash) in there, now_ms=work.now_ms)
        if drift is not None and not row.drift:
            facts = configs.drift_facts(row, drift)
            work.found.append((box, said.site, Found(condition=Condition.DRIFT, facts=facts)))
        elif drift is None and row.drift and not row.differs:
            facts = configs.same_facts(row)
            work.found.append((box, said.site, Found(condition=Condition.DRIFT, ends=True, facts=facts)))
        elif drift is None and row.drift:
            continue  # another bundle is wanted since, and its ten minutes run: what was told is not over
        fresh[box] = msgspec.structs.replace(row, drift="" if drift is None else drift.value)


def _deliver(work: Work, fresh: dict[str, BoxConfig], last: Iterable[Said]) -> list[tuple[str, bytes]]:
    doubled = {box for box, _, found in work.found if found.condition is Condition.FORK}
    sending: list[tuple[str, bytes]] = []
    for said in last:
        row = fresh[said.box]
        if not configs.is_due(row, forked=said.forked or said.box in doubled, now_ms=work.now_ms):
            continue
        stored = bundles.bundle_of(work.connection, (row.box, row.wanted_hash))
        if stored is not None:
            sending.append((row.box, stored.document))
            fresh[row.box] = configs.delivered(row, work.now_ms)
    return sending


def _shows(before: BoxConfig | None, after: BoxConfig) -> bool:
    return before is None or any(getattr(before, name) != getattr(after, name) for name in _SHOWN)
