"""Who may use the gateway, and how much: clients' keys, and limits of requests, tokens, money and concurrency.

Knows nothing of Flask, nor of how a request is answered: the exchange asks before it and tells after it.
"""

from wsgi_gateway.access.admission import Admission, open_admission
from wsgi_gateway.access.caller import Caller
from wsgi_gateway.access.gate import Gate, open_gate
from wsgi_gateway.access.permit import Permit

__all__ = ["Admission", "Caller", "Gate", "Permit", "open_admission", "open_gate"]
