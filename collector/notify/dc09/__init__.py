"""SIA DC-09 out: alarms to the receiver of the police or of a third party (docs/alarms.md 7)."""
