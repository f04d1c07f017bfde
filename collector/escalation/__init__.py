"""Escalation: the timed chain of people told about an alarm until someone takes it; every timer is a row."""
