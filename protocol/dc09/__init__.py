"""SIA DC-09: how alarm panels dial a receiver. Frames, their cipher, and what stands in them; bytes in, values out."""
