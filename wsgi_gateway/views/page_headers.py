"""What a browser may do with what it opened here: nothing. Replies to POSTs say what they are themselves."""

from flask import Blueprint, Response, request

_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


def register(blueprint: Blueprint) -> None:
    blueprint.after_request(protected)


def protected(response: Response) -> Response:
    """``response`` with these headers, unless it has others of these names."""
    if request.method != "POST":
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
    return response
