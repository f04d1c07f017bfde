"""The words that box, centre, provisioning and auditors share: pure, without I/O, clock or randomness of their own.

Nothing in here imports another package of this project. The exact rules stand in docs/protocol.md.
"""
