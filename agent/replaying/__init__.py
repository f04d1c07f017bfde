"""Recorded footage through the rules of a site file, faster than real time."""
