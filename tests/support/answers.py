"""A scripted provider that answers every API properly, stream or not, with usage where it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from support.pairs import reply_to
from support.streams import Answer, Api
from support.upstream import Reply, Request


def answering(answer: Answer) -> Callable[[Request], Reply]:
    """The script of an upstream that speaks all three APIs and always says ``answer``."""
    return lambda request: reply_to(request, api_of(request), answer)


def api_of(request: Request) -> Api:
    """The API that a request's path belongs to."""
    if request.path.endswith("/chat/completions"):
        return "chat_completions"
    return "messages" if request.path.endswith("/messages") else "responses"
