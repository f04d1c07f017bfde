"""The inventory: what a bank keeps in version control about its sites and people (docs/trust.md section 3)."""
