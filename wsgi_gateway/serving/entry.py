"""What a request meets before its body is read: whose it is, and whether there is a place for it; and who answers then.

For the fast lane, which has no view; its counterparts there are views/guard.py and views/places.py.
"""

from collections.abc import Mapping
from functools import partial

from wsgi_gateway.access.origins import check_origin
from wsgi_gateway.exchange.gateway import Gateway


class Entry:
    """An API's. ``answer`` a request that was let in, and then ``leave``; ``refuse`` one that was not.

    ``is_local``: the gateway is for this machine only, so no page of another site may use it.
    """

    def __init__(self, api: str, gateway: Gateway, *, is_local: bool = False) -> None:
        self.answer = partial(gateway.answer, api)
        self.refuse = partial(gateway.refuse, api)
        self.leave = gateway.gate.leave
        self._gate = gateway.gate
        self._admission = gateway.admission
        self._is_local = is_local

    def enter(self, headers: Mapping[str, str], *, is_whole: bool) -> None:
        """Take a place. ``is_whole``: the body is there already. Raises ApiError (authentication, permission,
        overloaded).

        Whoever has no key is told so in the answer; but nobody reads for them, and they take nobody's place.
        """
        if self._is_local:
            check_origin(headers)
        if self._admission is not None and (not is_whole or self._gate.is_full):
            self._admission.identify(headers)
        self._gate.enter()
