"""One request from admission to the last byte; ``gateway`` is where it begins.

Knows nothing of Flask and nothing of HTTP toward the client: that is the views' and the server's.
"""
