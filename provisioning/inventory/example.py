"""A small bank to begin with: every file of an inventory, each line explained in the reader's language.

Text only; `new_inventory` writes it. Its one person has a key whose other half nobody holds: the real one comes by
`provision people accept`.
"""

import os
from pathlib import Path
from typing import Final

from protocol.texts import Texts
from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for
from provisioning.inventory import example_centre
from provisioning.inventory.folder import BANK, BOXES, CENTRE, PEOPLE, SITES, TEMPLATES
from provisioning.keeping import PUBLIC_MODE, growing_folder, write_whole
from provisioning.refusal import RefusedError

SITE: Final = "0755-031"
_BANK: Final = """\
{bank_is}
name = "{bank}"
roster_days = 30                    {days_is}

{pins_are}
provisioning = []

{centre_is}
[centre]
brokers = ["192.0.2.5:8883", "192.0.2.6:8883"]
enrolment = "192.0.2.7:8443"
evidence = "192.0.2.5:8444"

{unit_is}
[[unit]]
path = "{unit}"
responsible = ["zhang-wei"]

{schedule_is}
[[schedule]]
name = "weekdays"
weekdays = "08:30-17:00"
arm_by = "18:00"                    {arm_by_is}
auto_arm = "19:00"                  {auto_arm_is}

{calendar_is}
[calendar]
country = "CN"
holidays = []
working = []
"""
_PEOPLE: Final = """\
{people_are}
[[person]]
id = "zhang-wei"
name = "{person}"
unit = "{unit}"
roles = ["security-officer"]
phone = "0755 5550 0101"

{key_is}
[[person.key]]
id = "zhang-wei-1"
kind = "key_file"
public_key = "{public_key}"
may = ["arm", "disarm"]

{duty_is}
[[person.duty]]
days = "all"
"""
_TEMPLATE: Final = """\
{template_is}
unit = "{unit}"
timezone = "Asia/Shanghai"

{io_is}
[[io]]
id = "io1"
unit_id = 1

[[door]]
id = "outer"
name = "{outer}"
contact = "io1/di/0"
closed = 1
lock = "io1/do/0"
lock_energised = "unlocked"
exit_button = "io1/di/4"
held_open_after = "30s"

[[door]]
id = "inner"
name = "{inner}"
contact = "io1/di/1"
closed = 1
lock = "io1/do/1"
lock_energised = "unlocked"

[[interlock]]
id = "vestibule"
doors = ["outer", "inner"]
tolerance = "0.5s"
emergency_release = "io1/di/6"

[[zone]]
id = "counter"
name = "{counter}"
type = "hold-up"
input = "io1/di/7"

[[zone]]
id = "hall-door"
name = "{hall_door}"
type = "delayed"
input = "io1/di/8"

[[zone]]
id = "hall-motion"
name = "{hall_motion}"
type = "interior"
input = "io1/di/9"

{partition_is}
[[partition]]
id = "hall"
name = "{hall}"
kind = "general"
zones = ["hall-door", "hall-motion"]
exit_delay = "60s"
entry_delay = "30s"
"""
_SITE: Final = """\
{site_is}
id = "{site}"
name = "{outlet}"
template = "outlet"
schedule = "weekdays"

[[io]]
id = "io1"
address = "192.0.2.10:502"

[[contact]]
person = "zhang-wei"
"""
_NAMES: Final = {
    "bank": N_("Example Bank"),
    "unit": N_("City branch/West sub-branch"),
    "person": N_("Zhang Wei"),
    "outlet": N_("Hexi outlet"),
    "outer": N_("passage, outer door"),
    "inner": N_("passage, inner door"),
    "counter": N_("panic button, counter 1"),
    "hall_door": N_("main door"),
    "hall_motion": N_("hall, motion"),
    "hall": N_("hall"),
}
_COMMENTS: Final = {
    "bank_is": N_("The bank, and what its sites share. The folder belongs into version control; it holds no secret."),
    "days_is": N_("a box obeys its people so long after the roster was signed"),
    "pins_are": N_("Thumbprints of the two or more keys that sign what boxes obey; provision audit shows them."),
    "centre_is": N_("How every box reaches the centre: one or two brokers, and the machine that enrols boxes."),
    "unit_is": N_("A unit of the bank; who answers for every site at or below it. Name as many as you need."),
    "schedule_is": N_("Opening hours that a site takes over by naming them: schedule = the name."),
    "arm_by_is": N_("not armed by then: told as late"),
    "auto_arm_is": N_("then the box arms by itself; ten minutes before, the buzzer sounds"),
    "calendar_is": N_(
        "Days off and weekends that are worked, where they differ from what is published for the country."
    ),
    "duty_is": N_(
        "Where and when this person gives orders: partitions, hours, days. An operator gives none without a duty."
    ),
    "partition_is": N_("Zones that are armed together. Of kind cash, vault or atm_service two people disarm."),
    "people_are": N_("Everybody whom boxes obey or whom an alarm must reach. An id is never given to another person."),
    "key_is": N_(
        "This key is an example: nobody holds its other half. Real keys come by: provision people accept. "
        "What a key may do stands in may."
    ),
    "template_is": N_(
        "What outlets of this kind have in common. A site names it by template, and changes entries by their id."
    ),
    "io_is": N_("Its address is each site's own; the rest stands here once."),
    "site_is": N_("A site in ten lines. What is written here wins; absent = true takes an entry of the template away."),
}


class ExampleError(RefusedError):
    """The example cannot be written there."""


def new_inventory(folder: Path, public_key: str, say: Texts) -> list[Path]:
    """Write the example, whole or not at all; what is there already is never overwritten.

    Raises:
        ExampleError: the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExampleError(N_("{folder} is not empty; choose a new folder"), folder=folder)
    texts = example(public_key, say)
    with growing_folder(folder) as growing:
        for name in (TEMPLATES, SITES, BOXES, CENTRE):
            (growing / name).mkdir()
        for name, text in texts.items():
            write_whole(growing / name, text.encode(), PUBLIC_MODE)
        growing.chmod(0o777 & ~_umask())  # the folder is shared by those who keep it, unlike a temporary one
    return [folder / name for name in texts]


def example(public_key: str, say: Texts) -> dict[str, str]:
    """The files by their names."""
    values = {name: say(text) for name, text in (_NAMES | example_centre.NAMES).items()}
    values |= {name: f"# {say(text)}" for name, text in (_COMMENTS | example_centre.COMMENTS).items()}
    values |= {"public_key": public_key, "site": SITE}
    return {
        BANK: _BANK.format(**values),
        PEOPLE: _PEOPLE.format(**values),
        f"{TEMPLATES}/outlet.toml": _TEMPLATE.format(**values),
        f"{SITES}/{SITE}.toml": _SITE.format(**values),
        **{f"{CENTRE}/{name}": text.format(**values) for name, text in example_centre.FILES.items()},
    }


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
