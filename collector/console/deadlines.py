"""The response clock under the name that the console knows; it stands in collector/alarms/clocks.py."""

from collector.alarms.clocks import RESPONSE as RESPONSE
from collector.alarms.clocks import respond_by_ms as due_ms

__all__ = ["RESPONSE", "due_ms"]
