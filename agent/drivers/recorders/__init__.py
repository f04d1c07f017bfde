"""Recorders: what they keep of each channel, how their disks are, what time they think it is. One file a make."""
