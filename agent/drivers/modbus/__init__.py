"""Modbus TCP I/O modules: contacts, buttons, locks, sirens."""
