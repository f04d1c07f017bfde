"""The enrolment: the process that holds the boxes' issuing key, its one-time codes and its own record.

Runs apart from the authority and from the collector (docs/trust.md 1 and 5).
"""
