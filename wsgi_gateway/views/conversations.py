"""OpenAI's conversations, whose items a Responses request that names one begins with."""

from flask import Blueprint

from wsgi_gateway.exchange.gateway import Gateway
from wsgi_gateway.side_endpoints.stored_conversations import StoredConversations
from wsgi_gateway.views.http import stored_view

_PATH = "/v1/conversations"
_ONE = f"{_PATH}/<conversation_id>"
_ITEM = f"{_ONE}/items/<item_id>"


def register(blueprint: Blueprint, gateway: Gateway) -> None:
    stored = StoredConversations(gateway)
    for method, path, endpoint, answer in (
        ("POST", _PATH, "conversation_create", stored.create),
        ("GET", _ONE, "conversation", stored.retrieve),
        ("POST", _ONE, "conversation_update", stored.update),
        ("DELETE", _ONE, "conversation_delete", stored.delete),
        ("POST", f"{_ONE}/items", "conversation_add", stored.add),
        ("GET", f"{_ONE}/items", "conversation_items", stored.items),
        ("GET", _ITEM, "conversation_item", stored.item),
        ("DELETE", _ITEM, "conversation_remove", stored.remove),
    ):
        blueprint.add_url_rule(
            path,
            endpoint=endpoint,
            view_func=stored_view(answer, gateway.overload),
            methods=[method],
        )
