"""The official SDKs' clients: of a gateway, and answered from memory: what would they make of these bytes?"""

import anthropic
import httpx2
import openai
from support.gateway import GatewayProcess
from support.planted import CLIENT_KEY


def client_of(gateway: GatewayProcess, key: str = CLIENT_KEY) -> openai.OpenAI:
    """A client of that gateway that sends nothing again."""
    return openai.OpenAI(base_url=f"{gateway.base_url}/v1", api_key=key, max_retries=0)


def openai_told(body: bytes, content_type: str, status: int = 200) -> openai.OpenAI:
    """A client whose every request is answered with ``body``."""
    return openai.OpenAI(api_key="k", http_client=_http(body, content_type, status), max_retries=0)


def anthropic_told(body: bytes, content_type: str, status: int = 200) -> anthropic.Anthropic:
    """A client whose every request is answered with ``body``."""
    client = _http(body, content_type, status)
    return anthropic.Anthropic(api_key="k", http_client=client, max_retries=0)


def _http(body: bytes, content_type: str, status: int) -> httpx2.Client:
    def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    return httpx2.Client(transport=httpx2.MockTransport(handle))
