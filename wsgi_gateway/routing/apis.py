"""Which API to speak with an upstream."""

from wsgi_gateway.config import Provider


def choose_api(provider: Provider, client_api: str) -> str:
    """The client's own if the upstream speaks it, so that nothing is translated; else the upstream's first."""
    return client_api if client_api in provider.endpoints else next(iter(provider.endpoints))
