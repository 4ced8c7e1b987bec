"""The wire APIs, sans I/O: bytes and dicts in, bytes, dicts or events out.

Nothing here imports Flask, requests or gevent. ``table`` lists the protocols; a folder holds each one.
"""
