"""How gunicorn serves the gateway: ``gunicorn -c python:wsgi_gateway.gunicorn_conf``.

Here: every gunicorn setting that differs from gunicorn's own default, with its reason. Change one for a deployment
with GUNICORN_CMD_ARGS, which wins over this file. Not here: settings of the gateway itself (its config file).
"""

from gevent import monkey

# Before anything imports requests or urllib3, whose copies of ssl's classes would stay unpatched.
monkey.patch_all()

import gc  # noqa: E402
import os  # noqa: E402
from typing import Any  # noqa: E402

from wsgi_gateway.serving.serve import bind_address  # noqa: E402
from wsgi_gateway.serving.switches import worker_count  # noqa: E402
from wsgi_gateway.telemetry.families import SERIES  # noqa: E402
from wsgi_gateway.telemetry.in_flight import IN_FLIGHT  # noqa: E402

wsgi_app = "wsgi_gateway.wsgi:app"
bind = bind_address(os.environ)

worker_class = "wsgi_gateway.serving.gevent_worker.Worker"
# Stored responses live in the memory of one worker unless state_storage says otherwise, so a second one has to be asked
# for. All take connections from one queue: docs/scaling.md says why it is not reuse_port.
workers = worker_count(os.environ)
worker_connections = 4000
# Loading the application before the fork would share its connections and its patched hub between workers.
preload_app = False

# A heartbeat, not a limit on requests: a worker that is silent for so long is stuck, and is replaced.
timeout = 120
# A file in memory: on a busy disk the heartbeat itself would block. gunicorn makes it with mkstemp.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # nosec B108
# After SIGTERM running streams may end by themselves; agents' answers take minutes.
graceful_timeout = 600
# Longer than load balancers keep idle connections (60 s is usual): who closes first must not be the server.
keepalive = 75

# A line per request belongs to the gateway's telemetry; "-" brings gunicorn's own to stdout.
accesslog = None
# Agents send long metadata headers.
limit_request_line = 8190
limit_request_field_size = 32768
# gunicorn 25 and later open a control socket in the home directory, which nothing here uses.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """The config is read, and nothing is served to strangers by mistake, whichever setting said where to listen."""
    # It needs gunicorn's arbiter, which takes longer to load than all else here, and is loaded by now.
    from wsgi_gateway.serving.master import take_over

    take_over(server)
    # A collection that looked through what all workers share would make each have it as its own.
    gc.freeze()


# What each worker has in flight, and has counted, any of them can tell.
def pre_fork(_server: object, worker: object) -> None:
    IN_FLIGHT.worker_begins(worker)
    SERIES.worker_begins(worker)


def child_exit(_server: object, worker: object) -> None:
    IN_FLIGHT.worker_ended(worker)
    SERIES.worker_ended(worker)
