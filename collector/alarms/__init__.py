"""Alarms: what a person must handle; opened by events, moved by people through one table."""
