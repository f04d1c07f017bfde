"""The fleet: which boxes are alive, late, behind or doubled; decided from rows and the time."""
