"""WebSocket connections, on which clients of the Responses API may send one request after the other.

Here: the connection, its limits, the loop that runs turn after turn. Not here: what messages say (``protocols``), how a
turn is answered (``exchange``), which request becomes a WebSocket (``views``).
"""
