"""Site bundles at the offline machine: made from the inventory, signed, kept with their history (docs/trust.md 4)."""
