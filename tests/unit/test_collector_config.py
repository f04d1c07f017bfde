"""collector.toml: every fault at once, and what a sound file means."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.config import people_of, read_config
from collector.people import People, hash_password, token_hash
from protocol.settings import SettingsError
from protocol.texts import texts_for

SOUND = """
id = "centre-1"
brokers = ["127.0.0.1:8883"]
trust = "root.pem"
certificate = "centre-1.pem"
key = "centre-1.key"
"""


DOCS = Path(__file__).parent.parent.parent / "docs"


def faults_of(text: str) -> list[tuple[int, str]]:
    """Line and sentence of every fault."""
    with pytest.raises(SettingsError) as wrong:
        read_config(text, "collector.toml", Path())
    return [(fault.line, str(fault.message)) for fault in wrong.value.faults]


def test_a_short_file_is_enough() -> None:
    """Defaults: loopback, SQLite beside the file, nobody may log in."""
    config = read_config(SOUND, "collector.toml", Path("/etc/bw"))
    assert config.settings.listen == "127.0.0.1:8080"
    assert config.database_url == "sqlite:////etc/bw/collector.sqlite"
    assert config.brokers == (("127.0.0.1", 8883),)
    assert config.path("root.pem") == Path("/etc/bw/root.pem")


@pytest.mark.parametrize("page", ["install.md", "install.zh-CN.md"])
def test_the_file_that_the_installer_copies_is_sound(page: str) -> None:
    """The page for installers has one whole collector.toml, with a person; only the hashes are to be filled in."""
    blocks = re.findall(r"```toml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    (text,) = (block for block in blocks if "[[person]]" in block)
    filled, times = re.subn(r'(token_hash = )".*?"', rf'\1"{"0" * 64}"', text)
    settings = read_config(filled, "collector.toml", Path()).settings
    assert (times, [person.id for person in settings.person]) == (1, ["leader-1"])


def test_an_address_with_a_scheme_is_another_database() -> None:
    """PostgreSQL is named by its address."""
    config = read_config(SOUND + 'database = "postgresql+psycopg://db/bw"\n', "collector.toml", Path())
    assert config.database_url == "postgresql+psycopg://db/bw"


def test_every_fault_is_told_at_once_with_its_line() -> None:
    """Unknown key, wrong id, wrong port, two people of one id, no way to log in, a role that excludes another."""
    text = """\
id = "collector"
brokers = ["127.0.0.1:99999"]
trust = "root.pem"
certificate = "c.pem"
key = "c.key"
lissen = "127.0.0.1:80"

[[person]]
id = "li"
name = "Li"
roles = ["operator", "reviewer"]
token_hash = "xyz"

[[person]]
id = "li"
name = "Li"
roles = ["administrator", "operator"]
language = "fr"
password_hash = "secret-password"
"""
    told = faults_of(text)
    assert {line for line, _ in told} >= {1, 2, 6, 11, 12, 15, 17, 18, 19}
    assert any("did you mean" in message for _, message in told)
    assert not any("secret-password" in message for _, message in told)


@pytest.mark.parametrize("other", ["a.bank:8883", "A.Bank:8883", "a.bank.:8883", "a.bank:08883"])
def test_a_broker_named_twice_is_a_fault(other: str) -> None:
    """Each message would come twice, and the loss of one broker be told as that of two; another port is another one."""
    sound = SOUND.replace('brokers = ["127.0.0.1:8883"]', 'brokers = ["a.bank:8883", "b.bank:8883"]')
    assert sound != SOUND
    assert read_config(sound.replace("b.bank:8883", "a.bank:8884"), "collector.toml", Path()).brokers[1] == (
        "a.bank",
        8884,
    )
    ((_, told),) = faults_of(sound.replace("b.bank:8883", other))
    assert "brokers[1] is the same broker as brokers[0]" in told


def test_faults_are_told_in_chinese() -> None:
    """The same places, the sentences in the words of the centre."""
    text = f"""{SOUND.replace("centre-1", "collector", 1)}lissen = "127.0.0.1:80"
[[person]]
id = "li"
name = "Li"
roles = ["operator", "reviewer"]
token_hash = "xyz"
"""
    with pytest.raises(SettingsError) as wrong:
        read_config(text, "collector.toml", Path())
    assert [fault.told(texts_for("zh-CN")) for fault in wrong.value.faults] == [
        "collector.toml:2: id 须以“centre-”开头，与监控中心的证书一致",
        "collector.toml:7: 无法识别的键“lissen”；是否应为“listen”？",
        "collector.toml:11: [[person]] li：处置警情的人不得审核警情",
        "collector.toml:12: [[person]] li：token_hash 须为 64 位十六进制数字，由 `collector token` 输出",
    ]


def test_a_centre_without_any_broker_hears_nothing() -> None:
    """That is a fault, not a quiet life."""
    assert faults_of(SOUND.replace('brokers = ["127.0.0.1:8883"]', ""))


def test_people_are_known_by_token_and_by_password() -> None:
    """A wrong one, an unknown name and a person without a password are nobody; hashes are never shown."""
    text = f"""{SOUND}
[[person]]
id = "li"
name = "李"
roles = ["operator"]
unit = "市分行"
password_hash = "{hash_password("correct horse")}"

[[person]]
id = "monitor"
name = "Monitor"
roles = ["auditor"]
token_hash = "{token_hash("token-of-monitor")}"
"""
    entries = list(people_of(read_config(text, "collector.toml", Path()).settings))
    people = People(entries)
    assert "argon2" not in repr(entries)
    assert (found := people.by_password("li", "correct horse")) is not None
    assert (found.id, found.unit) == ("li", "市分行")
    assert people.by_password("li", "wrong") is None
    assert people.by_password("nobody", "correct horse") is None
    assert people.by_password("monitor", "") is None
    assert (monitor := people.by_token("token-of-monitor")) is not None
    assert monitor.id == "monitor"
    assert people.by_token("") is None
    assert people.by_id("li") is not None
    assert people.by_id("gone") is None


def test_evidence_needs_only_an_address_beside_a_built_in_broker() -> None:
    """It shows the built-in broker's certificate, keeps 90 days, and stands beside the file."""
    text = SOUND + '[embedded]\nlisten = "127.0.0.1:1"\ncertificate = "b.pem"\nkey = "b.key"\n'
    config = read_config(text + '[evidence]\nlisten = "127.0.0.1:8444"\n', "collector.toml", Path("/etc/bw"))
    assert config.evidence_folder == Path("/etc/bw/evidence")
    assert config.settings.evidence is not None
    assert config.settings.evidence.keep.days == 90
    assert read_config(SOUND, "collector.toml", Path()).evidence_folder is None


def test_evidence_without_a_certificate_or_for_too_few_days_is_a_fault() -> None:
    """No rulebook allows less than a month, and a server without a certificate is none."""
    told = faults_of(SOUND + '[evidence]\nlisten = "127.0.0.1:8444"\nkeep = "20d"\n')
    assert sorted(line for line, _ in told) == [7, 9]
    halved = faults_of(SOUND + '[evidence]\nlisten = "127.0.0.1:84440"\ncertificate = "b.pem"\n')
    assert sorted(line for line, _ in halved) == [8, 9]
