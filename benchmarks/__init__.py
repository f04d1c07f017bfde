"""What Branchwatch costs and how quick it is, measured on real processes: `make bench`; docs/benchmarks.md explains.

Not part of the product: it may import every package's public side, and starts the product as people start it.
"""
