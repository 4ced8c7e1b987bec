"""`wsgi-gateway serve`: check the config, settle the address, become gunicorn.

Here: what happens before gunicorn takes over, and the environment it finds. Not here: gunicorn's settings
(gunicorn_conf.py) and the application (wsgi.py).
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from wsgi_gateway.access.exposure import VARIABLE, check_exposure
from wsgi_gateway.config import Config, ConfigError, discover_config, load_config
from wsgi_gateway.exchange.keepalive import keepalive_interval
from wsgi_gateway.serving.switches import shutdown_delay, watches_config, worker_count
from wsgi_gateway.serving.ways import has_fast_lane, transport
from wsgi_gateway.websocket.limits import socket_limits

DEFAULT_ADDRESS = ("127.0.0.1", 12000)


def serve(
    config_path: str | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    *,
    is_open: bool = False,
    watch: bool = False,
) -> NoReturn:
    """Replace this process by gunicorn with the gateway.

    Options that are None come from WSGI_GATEWAY_CONFIG, _HOST, _PORT and _WORKERS, then from the config's first
    listener; ``is_open`` is WSGI_GATEWAY_ACCESS=open, ``watch`` WSGI_GATEWAY_WATCH=on. A config's warnings go to
    stderr, and so do its problems if it cannot be served, or not at this address, or those of WSGI_GATEWAY_KEEPALIVE,
    _TRANSPORT, _FAST_LANE, _WEBSOCKETS, _WEBSOCKET_IDLE, _SHUTDOWN_DELAY, _WATCH and _WORKERS: then the exit code is 2.
    """
    if is_open:
        os.environ[VARIABLE] = "open"
    if watch:
        os.environ["WSGI_GATEWAY_WATCH"] = "on"
    config_path = config_path or os.environ.get("WSGI_GATEWAY_CONFIG")
    try:
        config = load_config(config_path) if config_path else discover_config(os.environ)
        keepalive_interval(os.environ), transport(os.environ), has_fast_lane(os.environ)
        socket_limits(os.environ), shutdown_delay(os.environ), watches_config(os.environ)
        worker_count(os.environ if workers is None else {})
        configured_host, configured_port = _address(config, os.environ)
        check_exposure(config, [host or configured_host], os.environ)
    except (ConfigError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    for warning in config.warnings:
        print(warning, file=sys.stderr)
    options = {
        "CONFIG": str(Path(config_path).absolute()) if config_path else None,
        "HOST": host or configured_host,
        "PORT": str(configured_port if port is None else port),
        "WORKERS": str(workers) if workers else None,
    }
    os.environ |= {f"WSGI_GATEWAY_{name}": value for name, value in options.items() if value}
    count = len(config.providers)
    entries = f"{count} model provider{'s' if count != 1 else ''}"
    source = config_path or "the keys in the environment"
    address = bind_address(os.environ)
    print(f"wsgi-gateway: http://{address} with {entries} from {source}", flush=True)
    settings = ["-c", "python:wsgi_gateway.gunicorn_conf", "wsgi_gateway.wsgi:app"]
    # No shell, and no argument from outside.
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", *settings])  # nosec B606


def bind_address(environ: Mapping[str, str]) -> str:
    """`host:port` to listen on, an IPv6 address in brackets.

    From WSGI_GATEWAY_HOST and _PORT; what is missing there from the first listener of WSGI_GATEWAY_CONFIG. A config
    that cannot be read leaves the default: the application reports it better than gunicorn's settings could.
    """
    config = None
    path = environ.get("WSGI_GATEWAY_CONFIG")
    if path and not (environ.get("WSGI_GATEWAY_HOST") and environ.get("WSGI_GATEWAY_PORT")):
        with suppress(ConfigError):
            config = load_config(path, environ)
    host, port = _address(config, environ)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(config: Config | None, environ: Mapping[str, str]) -> tuple[str, int]:
    """Where to listen: the environment's word, else the config's first listener, else the default."""
    host, port = DEFAULT_ADDRESS
    if config and config.listeners:
        host, port = config.listeners[0].address, config.listeners[0].port
    chosen = environ.get("WSGI_GATEWAY_PORT") or str(port)
    if not chosen.isdecimal() or int(chosen) > 65535:
        sys.exit(f"WSGI_GATEWAY_PORT is not a port number: {chosen}")
    return (environ.get("WSGI_GATEWAY_HOST") or host).strip("[]"), int(chosen)
