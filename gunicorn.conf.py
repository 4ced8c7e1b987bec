"""The gateway's gunicorn settings, for ``gunicorn -c gunicorn.conf.py wsgi_gateway.wsgi:app``."""

from wsgi_gateway.gunicorn_conf import *  # noqa: F403
