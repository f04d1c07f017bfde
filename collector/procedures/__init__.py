"""Procedures (处置预案): what is to be done with an alarm, step by step."""
