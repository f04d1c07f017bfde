"""The box's ledger on its own disk: two lanes, each a hash chain, kept until the centre signed for them.

`outbox.py` is the door to it; `records.py`, `lines.py`, `capacity.py` and `sending.py` decide, `schema.py`, `store.py`
and `writer.py` do.
"""
