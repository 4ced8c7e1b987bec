"""What the official SDKs' own types list: every field of every shape, and which of them a JSON value uses.

Here: a walk through TypedDicts and pydantic models. Not here: which types are asked (test_loss_completeness.py).
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import pydantic
from typing_extensions import is_typeddict

Field = tuple[str, str]
"""The shape's name and the field's, or ``field=value`` for a value of its own; "" is the shape itself."""


def listed(root: Any, opaque: Any) -> set[Field]:
    """All fields that can be reached, but of shapes that are ``opaque`` (a function of the name) only that they are."""
    found: set[Field] = set()
    _list(root, opaque, found, set())
    return found


def used(root: Any, value: Any) -> set[Field]:
    """The fields that ``value``, which is of type ``root``, has."""
    found: set[Field] = set()
    _use(root, value, found)
    return found


def variants(union: Any) -> list[Any]:
    """The shapes of a union."""
    return [kind for kind in _members(union) if _fields(kind) is not None]


def name_of(shape: Any) -> str:
    """Unique: many modules of the SDKs have shapes of one name."""
    return f"{shape.__module__.rpartition('.')[2]}.{shape.__name__}"


def _list(kind: Any, opaque: Any, found: set[Field], seen: set[int]) -> None:
    kind = _bare(kind)
    fields = _fields(kind)
    if fields is None:
        for inner in get_args(kind):
            if not isinstance(inner, str | int):
                _list(inner, opaque, found, seen)
        return
    if id(kind) in seen:
        return
    seen.add(id(kind))
    name = name_of(kind)
    found.add((name, ""))
    if not opaque(name):
        for field, inner in fields.items():
            found |= {(name, field), *((name, f"{field}={value}") for value in _constants(inner))}
            _list(inner, opaque, found, seen)


def _use(kind: Any, value: Any, found: set[Field]) -> None:
    kind = _bare(kind)
    if isinstance(value, list):
        for inner in get_args(kind) if get_origin(kind) is not Literal else ():
            if get_origin(_bare(kind)) in (Union, types.UnionType):
                _use(inner, value, found)
            else:
                for element in value:
                    _use(inner, element, found)
    elif isinstance(value, dict):
        shapes = variants(kind)
        for shape in shapes:
            fields = _fields(shape) or {}
            if len(shapes) == 1 or _fits(shape, fields, value):
                found.add((name_of(shape), ""))
                for field in value.keys() & fields.keys():
                    told = value[field]
                    found.add((name_of(shape), field))
                    for constant in told if isinstance(told, list) else [told]:
                        if isinstance(constant, str):
                            found.add((name_of(shape), f"{field}={constant}"))
                    _use(fields[field], told, found)


def _constants(kind: Any) -> list[str]:
    """The strings that a field, or the elements of a list, may be, where there are several."""
    kinds = list(_members(kind))
    kinds += [inner for outer in kinds for inner in _members(*get_args(outer)[:1] or [None])]
    constants = [
        value
        for inner in kinds
        if get_origin(inner) is Literal
        for value in get_args(inner)
        if isinstance(value, str)
    ]
    return constants if len(constants) > 1 else []


def _members(kind: Any) -> Iterator[Any]:
    kind = _bare(kind)
    if get_origin(kind) in (Union, types.UnionType):
        for inner in get_args(kind):
            yield from _members(inner)
    else:
        yield kind


def _fits(shape: Any, fields: dict[str, Any], value: dict[str, Any]) -> bool:
    """No field that the shape does not know, and the constants are its own."""
    if not value.keys() <= fields.keys():
        return False
    for field, kind in fields.items():
        members = [inner for inner in _members(kind) if inner is not type(None)]
        if not all(get_origin(inner) is Literal for inner in members):
            continue
        known = [constant for inner in members for constant in get_args(inner)]
        if value.get(field, known[0]) not in known:
            return False
        if field == "type" and field not in value and _is_required(shape, field):
            return False
    return True


def _is_required(shape: Any, field: str) -> bool:
    if is_typeddict(shape):
        return field in shape.__required_keys__
    return bool(shape.model_fields[field].is_required())


def _bare(kind: Any) -> Any:
    while get_origin(kind) in (Annotated, Required, NotRequired):
        kind = get_args(kind)[0]
    return kind


@cache
def _fields_of_shape(shape: Any) -> dict[str, Any]:
    if is_typeddict(shape):
        return get_type_hints(shape)
    return {field.alias or name: field.annotation for name, field in shape.model_fields.items()}


def _fields(kind: Any) -> dict[str, Any] | None:
    is_model = isinstance(kind, type) and issubclass(kind, pydantic.BaseModel)
    return _fields_of_shape(kind) if is_model or is_typeddict(kind) else None
