"""[[channel]] of collector.toml: strict, every fault at once, and no secret in any of its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from collector.config import Config, read_config
from collector.notify.channels import ChannelsError, open_channels
from protocol.settings import SettingsError

BASE = 'id = "centre-1"\ntrust = "r"\ncertificate = "c"\nkey = "k"\nbrokers = ["127.0.0.1:8883"]\n'
SMS = '[[channel]]\nname = "sms"\nkind = "webhook"\naddress = "https://sms.bank.example/send"\nsecret = "sms.key"\n'
MAIL = '[[channel]]\nname = "mail"\nkind = "mail"\naddress = "mail.bank.example:25"\nfrom = "a@bank.example"\n'


def config(text: str, folder: Path = Path()) -> Config:
    """Settings with these channels."""
    return read_config(BASE + text, "collector.toml", folder)


def test_channels_are_made_ready_from_their_files(tmp_path: Path) -> None:
    """Keys stand in files; what is outside and what brings replies is known to the sender."""
    (tmp_path / "sms.key").write_text("whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n", encoding="utf-8")
    (tmp_path / "sms.key").chmod(0o600)
    made = open_channels(config(SMS + "replies = true\noutside = true\n" + MAIL, tmp_path), lambda: 0)
    assert set(made.ways) == {"sms", "mail"}
    assert (made.ways["sms"].replies, made.ways["sms"].outside) == (True, True)
    assert made.keys == {"sms": b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (SMS + SMS, "two channels"),
        (SMS.replace('"sms"', '"desk"'), "the desk itself"),
        (SMS.replace("https:", "ftp:"), "a webhook needs an address"),
        (SMS.replace("//sms", "//me:secret@sms"), "no password in an address"),
        (SMS.replace('secret = "sms.key"\n', ""), "a webhook is signed"),
        (SMS + 'answer = "60s"\n', "answer is at most 15 s"),
        (MAIL.replace(":25", ""), "a mail channel needs an address"),
        (MAIL.replace('from = "a@bank.example"\n', ""), "needs `from`"),
        (MAIL + 'login = "l"\ntls = "none"\n', "never sent in clear"),
        (MAIL + "replies = true\n", "replies come back"),
        (MAIL.replace('"mail"\naddress', '"apprise"\naddress'), "an Apprise address holds keys"),
        (MAIL.replace('"mail"\naddress', '"pigeon"\naddress'), "kind"),
        ('console_url = "desk"\n', "console_url must be"),
    ],
)
def test_a_channel_that_will_not_do_is_told_with_its_place(text: str, fault: str) -> None:
    """File, line and table of each."""
    with pytest.raises(SettingsError, match=fault):
        config(text)


@pytest.mark.parametrize("made", [SMS, MAIL])
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ('kind = "pigeon"', "kind must be one of apprise, mail, webhook"),
        ('kind = "webhok"', 'kind must be one of apprise, mail, webhook; did you mean "webhook"?'),
        ("kind = 1", "kind must be one of apprise, mail, webhook"),
        ("", "kind is missing"),
    ],
)
def test_a_kind_that_nobody_knows_is_the_only_fault_of_its_channel(made: str, kind: str, fault: str) -> None:
    """What each kind needs is not asked of a channel whose kind is not known: nobody mends what was never wrong."""
    text = re.sub(r'kind = "[a-z]+"', kind, made) + "replies = true\n"
    with pytest.raises(SettingsError) as told:
        config(text + MAIL.replace('"mail"\nkind', '"other"\nkind').replace(":25", ""))
    name = "sms" if made is SMS else "mail"
    assert [str(each).split(": ", 1)[1] for each in told.value.faults] == [
        f"[[channel]] {name}: {fault}",
        '[[channel]] other: a mail channel needs an address like "mail.bank.example:25"',
    ]


def test_files_that_will_not_do_are_all_told_and_never_repeated(tmp_path: Path) -> None:
    """A short key, a login of one line, no certificates, an address that Apprise does not know: four faults."""
    for name, text in (
        ("sms.key", "too-short-key"),
        ("login", "only-a-name"),
        ("ca.pem", "no-pem"),
        ("url", "zz://s3cret"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    other = '[[channel]]\nname = "other"\nkind = "apprise"\nsecret = "url"\n'
    with pytest.raises(ChannelsError) as told:
        open_channels(config(SMS + MAIL + 'login = "login"\nca = "ca.pem"\n' + other, tmp_path), lambda: 0)
    assert len(told.value.faults) == 4
    for secret in ("too-short-key", "only-a-name", "s3cret"):
        assert secret not in str(told.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Keys of gateways and logins are mode 0600, as every key is; the sentence says what to type."""
    for name in ("sms.key", "login"):
        (tmp_path / name).write_text("director\na secret of more than 24 letters", encoding="utf-8")
        (tmp_path / name).chmod(mode)
    with pytest.raises(ChannelsError) as told:
        open_channels(config(SMS + MAIL + 'login = "login"\n', tmp_path), lambda: 0)
    assert sum("chmod 600" in str(fault) for fault in told.value.faults) == 2
