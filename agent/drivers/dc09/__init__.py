"""Alarm panels that dial the box: SIA DC-09 over TCP and UDP."""
