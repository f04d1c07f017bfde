"""ONVIF cameras and recorders: what they are, their clocks, streams, events and recordings."""
