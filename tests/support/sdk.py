"""The official SDKs' clients, answered from memory: what would they make of these bytes?"""

import anthropic
import httpx2
import openai


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
