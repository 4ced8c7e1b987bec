"""What the gateway is told to do: the config file, read, checked and resolved.

Nothing here opens a connection. What a name means for one request is routing's matter.
"""

from wsgi_gateway.config.discover import discover_config
from wsgi_gateway.config.loader import load_config
from wsgi_gateway.config.model import APIS, Api, Config, Listener, Provider, StateStorage
from wsgi_gateway.config.problems import ConfigError, Problem
from wsgi_gateway.config.secret import Secret

__all__ = [
    "APIS",
    "Api",
    "Config",
    "ConfigError",
    "Listener",
    "Problem",
    "Provider",
    "Secret",
    "StateStorage",
    "discover_config",
    "load_config",
]
