"""`agent check --live`: what every device and point does while an installer moves them, before anything counts."""
