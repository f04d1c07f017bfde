"""The console: HTTP API, login, live feed and the alarm desk. Reads storage, asks the alarm service to act."""

from collector.console.app import create_app

__all__ = ["create_app"]
