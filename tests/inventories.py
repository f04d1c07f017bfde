"""A small bank's inventory for tests: two people, one template, two outlets of ten lines; each part can be spoiled."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from protocol.settings import SettingsError
from protocol.texts import texts_for
from provisioning.inventory.loading import load_inventory

EXAMPLE = Path(__file__).parent / "data" / "0755-031.toml"
SITE = "sites/0755-031.toml"
OUTLET = "templates/outlet.toml"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def public_key(number: int, curve: ec.EllipticCurve | None = None) -> str:
    """The public key of one number, as people.toml has it: the same for the same number."""
    key = ec.derive_private_key(number, curve or ec.SECP256R1()).public_key()
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode("ascii")


BANK = f"""\
name = "示范银行"
provisioning = ["{"a" * 64}", "{"b" * 64}"]

[centre]
brokers = ["192.0.2.5:8883", "192.0.2.6:8883"]
enrolment = "192.0.2.7:8443"

[[unit]]
path = "市分行/西区支行"
responsible = ["zhang-wei"]

[[unit]]
path = "市分行/东区支行"

[[schedule]]
name = "weekdays"
weekdays = "08:30-17:00"
arm_by = "18:00"
"""
PEOPLE = f"""\
# 张伟 is told first
[[person]]
id = "zhang-wei"
name = "张伟"
unit = "市分行/西区支行"
roles = ["security-officer"]
phone = "0755 5550 0101"

[[person.key]]
id = "zhang-wei-1"
kind = "key_file"
public_key = "{public_key(1001)}"
may = ["arm", "disarm"]

# li-na has no key yet
[[person]]
id = "li-na"
name = "李娜"
unit = "市分行"
roles = ["shift-leader", "operator"]
phone = "0755 5550 0102"
"""
TEN_LINES = """\
id = "{site}"
name = "河西分理处"
template = "outlet"
schedule = "weekdays"

[[io]]
id = "io1"
address = "10.0.{number}.10:502"

[[contact]]
person = "zhang-wei"
"""
LI_KEY = f'\n[[person.key]]\nid = "li-na-1"\nkind = "{{kind}}"\npublic_key = "{public_key(1002)}"\n'


def template() -> str:
    """The published site file without what is each site's own: its name, its addresses."""
    left_out = ('id = "0755', 'name = "河西分理处"', "template =", 'address = "192.0.2.10', "[opening]", "weekdays =")
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith((*left_out, "arm_by ="))]
    text = "\n".join(kept[: next(index for index, line in enumerate(kept) if line == "[[recorder]]")]) + "\n"
    return text.replace('id = "p1"', 'id = "p1"\nsupervision = "3m"') + '[receiver]\nlisten = "192.0.2.9:12345"\n'


def files(sites: tuple[str, ...] = ("0755-031", "0755-032")) -> dict[str, str]:
    """The whole inventory, sound, by the names of its files."""
    texts = {"bank.toml": BANK, "people.toml": PEOPLE, "templates/outlet.toml": template()}
    for number, site in enumerate(sites):
        texts[f"sites/{site}.toml"] = TEN_LINES.format(site=site, number=number)
    return texts


def write(folder: Path, texts: dict[str, str]) -> Path:
    """Put the files where they belong."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def faults(folder: Path, texts: dict[str, str]) -> list[str]:
    """What is wrong with these files, each fault from the name of its file on, in both languages."""
    with pytest.raises(SettingsError) as caught:
        load_inventory(write(folder, texts))
    for fault in caught.value.faults:
        assert CHINESE.search(fault.told(texts_for("zh-CN")).replace("河西", "")), str(fault)
        assert "{" not in str(fault.told(texts_for("zh-CN"))), str(fault)
    return [str(fault).removeprefix(f"{folder}/") for fault in caught.value.faults]


def changed(file: str, old: str, new: str, texts: dict[str, str] | None = None) -> dict[str, str]:
    """The sound inventory with one change."""
    texts = texts or files()
    assert old in texts[file], old
    return {**texts, file: texts[file].replace(old, new, 1)}


def added(file: str, text: str) -> dict[str, str]:
    """The sound inventory with more in one file."""
    texts = files()
    return {**texts, file: texts.get(file, "") + text}


def line_of(texts: dict[str, str], file: str, part: str) -> int:
    """On which line of a file this stands."""
    text = texts[file]
    return text[: text.index(part)].count("\n") + 1
