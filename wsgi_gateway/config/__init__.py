"""What the gateway is told to do: the config file, read, checked and resolved.

Nothing here opens a connection. What a name means for one request is routing's matter.
"""

from wsgi_gateway.config.discover import discover_config
from wsgi_gateway.config.loader import load_config
from wsgi_gateway.config.model import (
    APIS,
    Access,
    Api,
    Client,
    Config,
    Failure,
    HeaderLimit,
    Limits,
    Listener,
    Overload,
    Provider,
    Rate,
    StateStorage,
    Tls,
)
from wsgi_gateway.config.problems import ConfigError, Problem
from wsgi_gateway.config.secret import Secret

__all__ = [
    "APIS",
    "Access",
    "Api",
    "Client",
    "Config",
    "ConfigError",
    "Failure",
    "HeaderLimit",
    "Limits",
    "Listener",
    "Overload",
    "Problem",
    "Provider",
    "Rate",
    "Secret",
    "StateStorage",
    "Tls",
    "discover_config",
    "load_config",
]
