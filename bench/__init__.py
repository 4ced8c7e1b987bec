"""Measurements of the gateway: beside plain nginx and its peers, and against the goals set for it.

Rerun it with `make bench` (README.md). Here nothing of the gateway's inside is used, only its command line and HTTP.
"""
