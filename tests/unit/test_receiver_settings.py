"""`[[receiver]]`, its key files and tables of sites: strict, every fault at once, and never a key in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.config import Config, read_config
from collector.keys import KeysError
from collector.notify.dc09.loading import load_receivers
from collector.notify.dc09.settings import Token
from protocol.settings import SettingsError
from tests.unit.test_collector_config import SOUND

KEY = "000102030405060708090A0B0C0D0E0F"
POLICE = SOUND + (
    '[[receiver]]\nid = "police"\naddresses = ["10.1.1.5:7700", "[::1]:7700"]\naccount = "0755"\n'
    'key_file = "police.key"\nsites = "police.toml"\n'
)
TABLE = '[[site]]\nid = "s"\naccount = "1031"\narea = 2\n[site.points]\n"zone/button" = 12\n'


def config_at(folder: Path, text: str = POLICE) -> Config:
    """The configuration, as if it lay in the folder."""
    return read_config(text, "collector.toml", folder)


def file_of(folder: Path, name: str, text: str) -> Path:
    """A file that only its owner reads."""
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_receiver_has_what_its_files_say(tmp_path: Path) -> None:
    """Addresses, key and the accounts of sites; a site that the table does not name has the receiver's own account."""
    file_of(tmp_path, "police.key", KEY + "\n")
    file_of(tmp_path, "police.toml", TABLE)
    (police,) = load_receivers(config_at(tmp_path))
    assert (police.addresses, police.token, police.supervision_s) == (
        (("10.1.1.5", 7700), ("::1", 7700)),
        Token.CONTACT_ID,
        180,
    )
    assert police.key is not None
    assert police.key.value == bytes.fromhex(KEY)
    assert (police.site("s").account, police.site("s").area, police.site("s").points) == (
        "1031",
        2,
        {"zone/button": 12},
    )
    assert (police.site("other").account, police.site("").account) == ("0755", "0755")
    assert KEY.lower() not in repr(police).lower()
    assert "ReceiverKey(***)" in repr(police)


def test_every_fault_of_the_file_is_told_at_once() -> None:
    """A port, the same address twice, a key without times, supervision, zone, account, token, two of one id."""
    text = SOUND + (
        '[[receiver]]\nid = "a"\naddresses = ["h:99999", "H:99999"]\naccount = "12"\ntoken = "CID"\n'
        'key_file = "k"\ntimestamps = false\nsupervision = "5s"\ntimezone = "Asia/Shanghi"\n'
        '[[receiver]]\nid = "a"\naddresses = []\naccount = "123"\nbaud = 1\n'
    )
    with pytest.raises(SettingsError) as wrong:
        config_at(Path(), text)
    told = "\n".join(str(fault) for fault in wrong.value.faults)
    for part in (
        "65535",
        "the second address is the first one",
        "account must be 3 to 16",
        "token must be one of",
        "leave timestamps at true",
        "supervision is from",
        'did you mean "Asia/Shanghai"?',
        'two receivers with the id "a"',
        "addresses must have 1 to 2",
        'unknown key "baud"',
    ):
        assert part in told


@pytest.mark.parametrize(
    ("key", "mode", "told"),
    [
        (KEY, 0o640, "can be read by others (mode 640); next step: chmod 600"),
        (KEY[:-2], 0o600, "is no key: it holds 32, 48 or 64 hex digits"),
        (KEY * 5, 0o600, "is no key"),
        ("\u94a5" * 16, 0o600, "is no key"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_key_that_will_not_do_is_told_and_not_shown(tmp_path: Path, key: str | None, mode: int, told: str) -> None:
    """One sentence with the file and the next step; nothing of what stands in it."""
    file_of(tmp_path, "police.toml", TABLE)
    if key is not None:
        file_of(tmp_path, "police.key", key).chmod(mode)
    with pytest.raises(KeysError, match=r"police\.key") as wrong:
        load_receivers(config_at(tmp_path))
    assert told in str(wrong.value)
    assert key is None or key[:8] not in str(wrong.value)


def test_a_table_with_faults_is_told_with_file_and_line(tmp_path: Path) -> None:
    """A site twice, a number that no receiver has."""
    file_of(tmp_path, "police.key", KEY)
    file_of(tmp_path, "police.toml", TABLE + TABLE.replace("= 12", "= 1000"))
    with pytest.raises(SettingsError) as wrong:
        load_receivers(config_at(tmp_path))
    told = [str(fault) for fault in wrong.value.faults]
    assert any("police.toml:8" in each and 'two sites with the id "s"' in each for each in told)
    assert any("0 to 999" in each for each in told)
