"""What a camera or recorder says of itself: the same words for every make. Pure.

Flow: the adapters of agent/drivers/onvif and agent/drivers/recorders -> here -> the asker's words and `agent probe`.
"""

import msgspec


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Empty: it does not say."""

    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
