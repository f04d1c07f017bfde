"""Branches that do not exist, made of real protocol servers, and a demo that runs everything on one machine.

May import only `protocol`; the rest is reached over its own protocols or started as `branchwatch` processes.
"""
