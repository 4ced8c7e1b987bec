"""Makes etc/openapi.yaml: the paths as openapi_paths.yaml has them, the shapes of requests as the code reads them."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

import wsgi_gateway
from wsgi_gateway.protocols.chat_completions import wire as chat_completions
from wsgi_gateway.protocols.messages import wire as messages
from wsgi_gateway.protocols.responses import wire as responses
from wsgi_gateway.side_endpoints.stored_conversations import Addition, Creation, Update

Json = dict[str, Any]

_WRITTEN = Path(__file__).with_name("openapi_paths.yaml")
_SHAPES = "#/components/schemas/"

# The prefix of an API's shapes, and what its requests must have, beside those that are counted or compacted.
_APIS: dict[str, tuple[type, dict[str, list[str]]]] = {
    "Chat": (chat_completions.Request, {"CreateChatCompletion": ["messages"]}),
    "Messages": (
        messages.Request,
        {"CreateMessage": ["max_tokens", "messages"], "CountMessageTokens": ["messages"]},
    ),
    "Responses": (
        responses.Request,
        {"CreateResponse": ["input"], "CountInputTokens": [], "CompactResponse": ["model"]},
    ),
}


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def document() -> Json:
    """The whole document."""
    written: Json = yaml.safe_load(_WRITTEN.read_text("utf-8"))
    written["info"]["version"] = wsgi_gateway.__version__
    components = written["components"]
    components["requestBodies"] = {}
    for prefix, (request, asked) in _APIS.items():
        shapes = _shapes([request], prefix)
        fields = shapes.pop(f"{prefix}Request")
        shapes[f"{prefix}Fields"] = _without_model_required(fields)
        for name, required in asked.items():
            shapes[name] = {"$ref": f"{_SHAPES}{prefix}Fields", "required": required}
            content = {"application/json": {"schema": {"$ref": _SHAPES + name}}}
            components["requestBodies"][name] = {"required": True, "content": content}
        components["schemas"] |= shapes
    components["schemas"] |= _shapes([Creation, Update, Addition], "")
    for name in ("Creation", "Addition"):
        _name_items(components["schemas"][name]["properties"]["items"])
    for path in written["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):  # Parameters of the whole path are a list.
                operation["responses"] = dict(sorted(operation["responses"].items()))
    return written


def _shapes(types: list[type], prefix: str) -> Json:
    _, shapes = msgspec.json.schema_components(types, ref_template=f"{_SHAPES}{prefix}{{name}}")
    return {f"{prefix}{_bare(name)}": _shorter(shape) for name, shape in shapes.items()}


def _bare(name: str) -> str:
    """Of a shape that is generic in the code, without what its fields are in it."""
    return name.partition("_")[0]


def _name_items(items: Json) -> None:
    """What the code says in words of the items to add."""
    given = items if items.get("type") == "array" else items["anyOf"][0]
    given["items"] = {"$ref": f"{_SHAPES}GivenItem"}


def _without_model_required(fields: Json) -> Json:
    """What must be there is said of each request; a model only has to be where the config has no default."""
    del fields["required"]
    fields["properties"]["model"] = {
        "type": ["string", "null"],
        "description": "Without one the default of the gateway's config is asked, if there is one.",
    }
    return fields


def _shorter(schema: Any) -> Any:
    """The same schema without what goes without saying: titles, that what is left out is null, what is in a shape."""
    if isinstance(schema, list):
        return [_shorter(entry) for entry in schema]
    if isinstance(schema, str) and schema.startswith(_SHAPES):
        return _bare(schema)
    if not isinstance(schema, dict):
        return schema
    kept = {name: _shorter(value) for name, value in schema.items() if not _is_plain(name, value)}
    if isinstance(kept.get("description"), str):
        kept["description"] = kept["description"].replace("``", "`")
    kinds = kept.get("anyOf", [])
    if kinds and all(kind.keys() == {"type"} for kind in kinds):
        del kept["anyOf"]
        kept = {"type": [kind["type"] for kind in kinds], **kept}
    return kept


def _is_plain(name: str, value: Any) -> bool:
    return (name == "title" and isinstance(value, str)) or (name == "default" and not value)


def text() -> str:
    """As it stands in etc/openapi.yaml."""
    return yaml.dump(document(), Dumper=_Plain, sort_keys=False, default_flow_style=None, width=120)
