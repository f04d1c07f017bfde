"""Partitions and zones: what is armed, what that makes of a zone, and who may change it. Pure."""
