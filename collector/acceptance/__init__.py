"""Walk tests at the centre: their records rebuilt from the ledger, judged, listed and printed (docs/trust.md 8)."""
