"""The application that gunicorn serves: ``gunicorn -c gunicorn.conf.py wsgi_gateway.wsgi:app``.

gevent's patches come before anything that imports ssl, requests or urllib3. WSGI_GATEWAY_CONFIG names the config
file; without it the providers are those whose keys are in the environment.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402

from wsgi_gateway.app import create_served  # noqa: E402
from wsgi_gateway.config import discover_config, load_config  # noqa: E402
from wsgi_gateway.serving.live_config import LIVE_CONFIG  # noqa: E402

_path = os.environ.get("WSGI_GATEWAY_CONFIG")
# What the gateway's own master has read; a file that was broken since must not keep a worker from taking its place.
app = create_served(
    LIVE_CONFIG.config or (load_config(_path) if _path else discover_config(os.environ))
)
