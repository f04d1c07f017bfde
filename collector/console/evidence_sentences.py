"""What is said about pictures and clips that are missing, refused or damaged, as data: joined into sentences.py."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from protocol.texts import mark as N_  # noqa: N812 - the mark that catalogue tools look for

HEADLINES_BY_REASON: Final[Mapping[tuple[str, str], tuple[str, ...]]] = MappingProxyType(
    {
        ("box.disk_low", reason): (N_("Pictures and clips are missing: {reason}; {used_bytes} of {limit_bytes} bytes"),)
        for reason in ("no_room", "disk_full", "disk_refuses")
    }
)

HEADLINES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "evidence.damaged": (
            N_("A sealed picture of camera {camera} is no longer what it was: {reason}"),
            N_("A sealed picture is no longer what it was: {reason}"),
        ),
        "evidence.sealed": (N_("No picture came: {missing}"), N_("A picture or clip was sealed")),
    }
)

REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "restarted": N_("the box began anew before it was made"),
        "no_answer": N_("the box's video process did not answer"),
        "no_eye": N_("the box's video process was not running"),
        "no_picture": N_("the camera sent no picture then"),
        "eye_busy": N_("too many clips at once"),
        "not_written": N_("it could not be written"),
        "not_as_said": N_("the file is not what its maker said"),
        "foreign": N_("the file is no picture"),
        "empty": N_("the file is empty"),
        "gone": N_("it is gone"),
        "no_file": N_("something else lies in its place"),
        "changed": N_("it was changed"),
        "disk_full": N_("the box's disk is full"),
        "disk_refuses": N_("the box's disk refuses it"),
        "no_folder": N_("the box's disk has no folder for it"),
        "no_such_camera": N_("no such camera"),
        "too_long": N_("longer than is taken"),
        "not_in_ring": N_("the box no longer remembers that time"),
        "in_the_future": N_("that time has not come"),
        "not_supported": N_("this device cannot do it"),
    }
)
