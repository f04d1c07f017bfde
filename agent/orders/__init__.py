"""Orders that people gave: whether this box obeys one, and what it does then (docs/guarding.md 4)."""
