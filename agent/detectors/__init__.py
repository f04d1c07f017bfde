"""Pure state machines: `observe(state, input, now) -> (state, findings)`. None reads a clock or does I/O."""
