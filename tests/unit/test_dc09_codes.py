"""What panels say: Contact ID and SIA codes, as panels really write them, and against siadc09's tables."""

from __future__ import annotations

import pytest
from pysiaalarm.data.adm_mapping import ADM_MAPPING
from siadc09 import dc03, dc05  # type: ignore[import-untyped]

from protocol.dc09.contact_id import contact_id, parse_contact_id
from protocol.dc09.reports import About, ContentError, Report
from protocol.dc09.sia_dcs import parse_sia_dcs, sia_dcs

ALARM, OPENING, CLOSING = About.ALARM, About.OPENING, About.CLOSING


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#12345A|NFA129", Report(code="FA", about=ALARM, kind="zone.fire", zone="129")),
        (b"#0012|Nri1/BA03", Report(code="BA", about=ALARM, kind="zone.intrusion", zone="3", area="1")),
        (b"#0012|Nri1/BR03", Report(code="BR", about=ALARM, kind="zone.intrusion", zone="3", area="1", restored=True)),
        (b"|Nri1/CL501", Report(code="CL", about=CLOSING, area="1", user="501")),
        (b"#0000|Nri1/NL501", Report(code="NL", about=CLOSING, area="1", user="501", stay=True)),
        (b"Nri2/id07/OP", Report(code="OP", about=OPENING, area="2", user="7")),
        (b"#12|NOG02", Report(code="OG", about=OPENING, area="2")),
        (b"#12|NOP", Report(code="OP", about=OPENING, area="0")),
        (b"#12|Ori3/OP", Report(code="OP", about=OPENING, area="3", old=True)),
        (b"#1|Nri0KR1^TAST. 001 ^", Report(code="KR", about=ALARM, kind="zone.fire", zone="1", area="0", restored=True,
                                           text="TAST. 001")),
        (b"alarm2|Nri1OP0001*Familie*", Report(code="OP", about=OPENING, area="1", user="1")),
        (b"#3080|Nti19:44/id1/ri4/RP", Report(code="RP", about=About.TEST, area="4", user="1")),
        (b"#1|NHA07", Report(code="HA", about=ALARM, kind="zone.hold_up", zone="7")),
        (b"#1|NPA", Report(code="PA", about=ALARM, kind="zone.hold_up")),
        (b"#1|NTA5", Report(code="TA", about=About.TAMPER, zone="5")),
        (b"#1|NTR5", Report(code="TR", about=About.TAMPER, zone="5", restored=True)),
        (b"#1|NUA11", Report(code="UA", about=ALARM, kind="zone.intrusion", zone="11")),
        (b"#1|NBB4", Report(code="BB", about=About.BYPASS, zone="4")),
        (b"#1|NAT", Report(code="AT", about=About.FAULT, topic="mains")),
        (b"#1|NYR", Report(code="YR", about=About.FAULT, topic="battery", restored=True)),
        (b"#1|NZX1F", Report(code="ZX", about=About.UNKNOWN, zone="1f")),
    ],
)  # fmt: skip
def test_sia_codes_as_panels_write_them(data: bytes, expected: Report) -> None:
    """With an account or none, modifiers with and without a slash, text, units, leading zeros."""
    assert parse_sia_dcs(data) == (expected,)


def test_several_codes_of_one_frame_are_several_statements() -> None:
    """Modifiers hold for all that follow; a second block begins anew."""
    said = parse_sia_dcs(b"#1|Nri1/BA01/BA02|NFA3")
    assert [(each.code, each.zone, each.area) for each in said] == [("BA", "1", "1"), ("BA", "2", "1"), ("FA", "3", "")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#12345A|1110 00 129", Report(code="E110", about=ALARM, kind="zone.fire", zone="129", area="0")),
        (b"1130 01 003", Report(code="E130", about=ALARM, kind="zone.intrusion", zone="3", area="1")),
        (b"#0012|3130 01 003", Report(code="R130", about=ALARM, kind="zone.intrusion", zone="3", area="1",
                                      restored=True)),
        (b"#0012|6130 01 003", Report(code="P130", about=ALARM, kind="zone.intrusion", zone="3", area="1")),
        (b"#0012|1120 01 009", Report(code="E120", about=ALARM, kind="zone.hold_up", zone="9", area="1")),
        (b"#0012|1121 01 005", Report(code="E121", about=ALARM, kind="zone.duress", zone="5", area="1", user="5")),
        (b"#0012|1401 02 011", Report(code="E401", about=OPENING, area="2", user="11")),
        (b"#0012|3401 02 011", Report(code="R401", about=CLOSING, area="2", user="11")),
        (b"#0012|3441 02 011", Report(code="R441", about=CLOSING, area="2", user="11", stay=True)),
        (b"#0012|1383 01 003", Report(code="E383", about=About.TAMPER, zone="3", area="1")),
        (b"#0012|1380 01 003", Report(code="E380", about=About.TROUBLE, zone="3", area="1")),
        (b"#0012|1570 01 003", Report(code="E570", about=About.BYPASS, zone="3", area="1")),
        (b"#0012|1301 00 000", Report(code="E301", about=About.FAULT, area="0", topic="mains")),
        (b"#0012|3302 00 000", Report(code="R302", about=About.FAULT, area="0", topic="battery", restored=True)),
        (b"#1002|1602 00 001", Report(code="E602", about=About.TEST, area="0", zone="1")),
        (b"#0012|1999 01 002", Report(code="E999", about=About.UNKNOWN, area="1", zone="2")),
    ],
)  # fmt: skip
def test_contact_id_as_panels_write_it(data: bytes, expected: Report) -> None:
    """Openings are new, closings are over; 441 is an arming however it is said."""
    assert parse_contact_id(data) == expected


@pytest.mark.parametrize("data", [b"", b"#1234|", b"2130 01 003", b"1130 1 003", b"1130 01 003 extra", b"\xff" * 12])
def test_what_is_no_contact_id_is_refused(data: bytes) -> None:
    """It is answered with DUH and told, never guessed at."""
    with pytest.raises(ContentError):
        parse_contact_id(data)


@pytest.mark.parametrize("data", [b"", b"#1234|", b"#1234|XBA3", b"N", b"#1|N*", b"\xff\xfe"])
def test_what_is_no_sia_code_is_refused(data: bytes) -> None:
    """The same for SIA codes."""
    with pytest.raises(ContentError):
        parse_sia_dcs(data)


def test_what_we_write_we_read() -> None:
    """The dialler's own words."""
    (said,) = parse_sia_dcs(sia_dcs("BA", zone="12", area="3", user="4", account="0012", text="Hall"))
    assert (said.code, said.zone, said.area, said.user, said.text) == ("BA", "12", "3", "4", "Hall")
    assert parse_contact_id(contact_id("R401", area=2, point=11, account="0012")).about is CLOSING


ALARMS = {code for code, entry in dc03.EVENT.items() if entry["name"].endswith(" Alarm")}
ENDS = {code for code, entry in dc03.EVENT.items() if entry["name"].endswith(("Alarm Restore", " Restoral"))}


@pytest.mark.parametrize("code", sorted(ALARMS - {"OH", "OL", "OR", "DL"}))
def test_every_alarm_of_dc_03_alarms(code: str) -> None:
    """No code that the standard calls an alarm is taken for less, but for what is no alarm of a bank."""
    (said,) = parse_sia_dcs(f"N{code}7".encode())
    about = {"WA": About.FAULT, "ZA": About.FAULT, "TA": About.TAMPER, "XA": About.UNKNOWN}
    assert said.about is about.get(code, ALARM)
    assert not said.restored


@pytest.mark.parametrize("code", sorted(ENDS - {"AN", "DR", "DH", "VR"}))
def test_every_end_of_dc_03_ends(code: str) -> None:
    """What the standard calls a restoral takes back what began under the same name."""
    (said,) = parse_sia_dcs(f"N{code}7".encode())
    assert said.restored


@pytest.mark.parametrize("code", sorted(dc05.EVENT))
def test_every_event_of_dc_05_has_its_place(code: str) -> None:
    """An alarm names its kind, and what has no place is told as it came: nothing is dropped."""
    said = parse_contact_id(f"1{code} 01 007".encode())
    assert (said.about is ALARM) is bool(said.kind)
    assert (said.about is About.FAULT) is bool(said.topic)
    assert said.code == f"E{code}"


@pytest.mark.parametrize("code", sorted(code for code in ADM_MAPPING if code[0] == "1"))
def test_alarms_in_both_languages_mean_the_same(code: str) -> None:
    """pysiaalarm's own table between Contact ID and SIA codes: what it calls one thing we take for one thing."""
    for qualifier, sia in ADM_MAPPING[code].items():
        if qualifier in {"1", "3"} and sia not in {"WA", "WH"}:  # water in a sprinkler is a fire, a leak is not
            ours, (other,) = parse_contact_id(f"{qualifier}{code} 01 007".encode()), parse_sia_dcs(f"N{sia}7".encode())
            assert (ours.about, ours.restored) == (other.about, other.restored)
