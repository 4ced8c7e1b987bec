"""Measurements of the gateway: beside plain nginx and its peers, and against the goals set for it.

Rerun it with `make bench` (README.md). Nothing of the gateway's inside is used here but for the
instruction counts, only its command line and HTTP.
"""
