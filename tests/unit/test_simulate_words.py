"""`branchwatch simulate act`: what is typed wrongly is answered with all that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.actions import ACTIONS
from simulator.command import main
from simulator.deeds import DEEDS
from simulator.demo_file import BrokerAccess, DemoFile, Login, SiteAccess, write_demo

SITE = SiteAccess(id="0755-031", box="0755-031-a", modbus="127.0.0.1:9", cert="c", key="k", state="s")


def test_an_unknown_action_is_answered_with_every_action(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What moves the module and what people and panels do stand in one list, as `simulate act list` has them."""
    broker = BrokerAccess(host="localhost", port=1, ca="ca", cert="c", key="k")
    login = Login(name="operator-1", password="none")
    demo = DemoFile(console="http://localhost:9", token="t", login=login, broker=broker, collector_db="d", sites=[SITE])
    write_demo(demo, tmp_path)
    assert main(["act", "--dir", str(tmp_path), "0755-031", "juggle"]) == 2
    told = capsys.readouterr().err
    assert [name for name in (*ACTIONS, *DEEDS) if str(name) not in told] == []
