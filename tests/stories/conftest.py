"""Whole banks for stories: `build_bank(boxes=2, broker=...)`; everything of it ends with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import BrokerKind
from tests.whole.bank import Bank

BuildBank = Callable[..., Bank]


@pytest.fixture
def build_bank(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[BuildBank]:
    """Build banks; `broker=None` takes the built-in one."""
    built: list[Bank] = []

    def build(**settings: object) -> Bank:
        folder = tmp_path / f"bank-{len(built)}"
        folder.mkdir()
        bank = Bank(folder, free_port, **settings)  # type: ignore[arg-type]
        built.append(bank)
        return bank

    yield build
    for bank in reversed(built):
        bank.close()


@pytest.fixture(params=[None, BrokerKind.MOSQUITTO], ids=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> BrokerKind | None:
    """The built-in broker and Mosquitto, one after the other."""
    kind: BrokerKind | None = request.param
    return kind
