"""`wsgi_gateway.readiness`: what one process says, all know."""

from __future__ import annotations

import os

from wsgi_gateway.readiness import Readiness


def test_a_worker_knows_what_its_master_says() -> None:
    readiness = Readiness()
    assert not readiness.is_over
    child = os.fork()
    if not child:
        readiness.end()
        os._exit(0)
    os.waitpid(child, 0)
    assert readiness.is_over
