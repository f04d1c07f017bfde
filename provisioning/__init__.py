"""The authority and what it hands out: certificates, revocation lists and broker settings.

Runs apart from the collector, which never loads an issuing key (WIRE 3.1). Imports only `protocol`.
"""
