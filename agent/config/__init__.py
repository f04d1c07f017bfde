"""What this agent makes of its site file: the wiring of its modules, and what it watches of all that is described."""
