"""One folder a family of devices: its settings, its pure codec and meaning files, and one file that does I/O."""
