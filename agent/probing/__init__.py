"""Devices looked at once, for an installer who stands before them: before a line of a site file is written."""
