"""Years of which the program itself knows the working days. Data; a test holds it to the library that has the days."""

from typing import Final

LATEST_PUBLISHED: Final = 2026
"""The last year that the locked release of the calendar's library knows whole (protocol/workdays/published.py)."""
