"""Rules and rotas over HTTP: what holds, who has it now, who stands in, and who may say so."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from collector.console.entity_tags import version_in
from collector.escalation.rotas import Override
from collector.escalation.standing_in import judge
from collector.people import Credentials, People, PersonRole
from collector.rules.folder import read_folder
from collector.rules.holding import hold as write_rules
from collector.rules.shapes import Contact, Policy, PolicyStep, Rota, Rules, Turn, When
from protocol.timestamps import format_time
from tests.console import ConsoleWorld, person
from tests.rules_folder import EXAMPLE

TREE = {
    each.id: each
    for each in (
        person("leader", PersonRole.SHIFT_LEADER),
        person("east-leader", PersonRole.SHIFT_LEADER, unit="市分行/东区支行"),
        person("west-leader", PersonRole.SHIFT_LEADER, unit="市分行/西区支行"),
    )
}


def hold(world: ConsoleWorld) -> None:
    """Rules with a rota of people whom the world knows."""
    held = msgspec.structs.replace(
        read_folder(EXAMPLE).rules,
        rota=(
            Rota(
                name="leaders",
                begins="2026-01-01",
                handover="08:00",
                turn=(Turn(people=("zhao",)), Turn(people=("li",))),
            ),
        ),
        contact=(Contact(person="li", reach={"sms": "13900000001"}),),
    )
    with world.centre.store.write() as connection:
        write_rules(connection, 3, held, "zhao", 0)


async def test_the_rules_that_hold_are_shown_without_addresses(world: ConsoleWorld) -> None:
    """Version as ETag; built-in ones before any were loaded; nobody's telephone number leaves by this way."""
    async with world.client() as client:
        assert (await client.get("/api/v1/rules")).json()["version"] == 0
        hold(world)
        answer = await client.get("/api/v1/rules")
    assert version_in(answer.headers["ETag"]) == "3"
    assert answer.json()["policies"][0]["name"] == "night, gravest"
    assert answer.json()["policies"][0]["steps"][1] == {
        "after_s": 30,
        "tell": ["rota/shift-leader"],
        "by": ["call", "sms"],
        "only_kinds": [],
    }
    assert "13900000001" not in answer.text


async def test_somebody_stands_in_and_is_taken_back(world: ConsoleWorld) -> None:
    """A shift leader names somebody with a contact; then that person has it, until it is taken back."""
    hold(world)
    wish = {"person": "li", "until": format_time(world.centre.now + timedelta(hours=2)), "reason": "ill"}
    async with world.client("li") as leader, world.client("wang") as operator:
        before = (await leader.get("/api/v1/rotas")).json()["items"][0]
        assert (await operator.post("/api/v1/rotas/leaders/overrides", json=wish)).status_code == 403
        assert (await leader.post("/api/v1/rotas/nobody/overrides", json=wish)).status_code == 404
        for wrong in ({"person": "nobody"}, {"person": "zhao"}, {"until": "2020-01-01T00:00:00.000Z"}):
            answer = await leader.post("/api/v1/rotas/leaders/overrides", json={**wish, **wrong})
            assert answer.status_code == 422, wrong
        made = await leader.post("/api/v1/rotas/leaders/overrides", json=wish)
        assert made.status_code == 201, made.text
        shown = (await leader.get("/api/v1/rotas")).json()["items"][0]
        assert (shown["now"], shown["override"]) == (["li"], made.json()["id"])
        own = f"/api/v1/rotas/leaders/overrides/{made.json()['id']}"
        assert (await operator.delete(own)).status_code == 403
        assert (await leader.delete(own)).status_code == 204
        assert (await leader.delete(own)).status_code == 404
        assert (await leader.get("/api/v1/rotas")).json()["items"][0]["now"] == before["now"]


def test_nobody_takes_a_turn_away_above_or_beside() -> None:
    """A branch's shift leader gives turns of its own people to its own people; the bank's leader gives any."""
    rota = {name: Rota(name=name, begins="2026-01-01", handover="08:00", turn=(Turn(people=(name,)),)) for name in TREE}
    held = Rules(rota=tuple(rota.values()), contact=tuple(Contact(person=name, reach={"sms": "1"}) for name in TREE))
    people = People(Credentials(person=each, password_hash="", token_hash=each.id) for each in TREE.values())
    may = {
        (asker, name, instead)
        for asker in TREE
        for name in TREE
        for instead in TREE
        if judge(
            Override(id="1", rota=name, person=instead, from_ms=0, until_ms=2, reason="ill"),
            held,
            people,
            TREE[asker],
            1,
        )
        is None
    }
    assert {each for each in may if each[0] == "east-leader"} == {("east-leader",) * 3}
    assert len([each for each in may if each[0] == "leader"]) == len(TREE) ** 2


async def test_the_rules_of_siblings_are_not_told(world: ConsoleWorld) -> None:
    """Whoever stands in one branch reads the policies of its own way up and down, not those of the branch beside."""
    own, beside, everybody = (
        Policy(name=name, when=When(unit=unit), step=(PolicyStep(after=timedelta(0), tell=("desk",)),))
        for name, unit in (("own", "市分行/东区支行"), ("beside", "市分行/西区支行"), ("all", ""))
    )
    with world.centre.store.write() as connection:
        write_rules(connection, 4, Rules(policy=(own, beside, everybody)), "zhao", 0)
    async with world.client("east") as client, world.client("wang") as above:
        told = [each["name"] for each in (await client.get("/api/v1/rules")).json()["policies"]]
        whole = [each["name"] for each in (await above.get("/api/v1/rules")).json()["policies"]]
    assert (told, whole) == (["own", "all"], ["own", "beside", "all"])
