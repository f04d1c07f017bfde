"""From the wire into the ledger: small stages, decoded, verified, placed, committed, receipted."""
