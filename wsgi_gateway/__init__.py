"""An LLM gateway: OpenAI Chat Completions, Anthropic Messages and OpenAI Responses in front of any provider.

``create_app`` and ``create_blueprint`` are all that an embedding program needs; ``load_config`` reads and checks
a config file. They are imported when first used: importing the package costs nothing.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgi_gateway.app import create_app, create_blueprint
    from wsgi_gateway.config import load_config

__all__ = ["__version__", "create_app", "create_blueprint", "load_config"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in ("create_app", "create_blueprint"):
        from wsgi_gateway import app

        return getattr(app, name)
    if name == "load_config":
        from wsgi_gateway.config import load_config

        return load_config
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
