"""Plain values into the classes of schema.py, with every departure reported instead of only the first.

Generic: what the keys mean is not known here. Variables are expanded in the texts it reads, and in no others.
"""

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from wsgi_gateway.config.key_types import NOT_SERVED
from wsgi_gateway.config.problems import Path, Report, did_you_mean, shown
from wsgi_gateway.config.schema import WITHOUT
from wsgi_gateway.config.secret import Secret
from wsgi_gateway.config.variables import expand, unset_message

S = TypeVar("S", bound=Struct)


class _Failed:
    """Stands for a value that was reported and cannot be used."""


_FAILED = _Failed()


class Checker:
    """Reads values by type. ``path_of`` tells where in the file a Struct that it made came from."""

    def __init__(self, report: Report, environ: Mapping[str, str]) -> None:
        self._report = report
        self._environ = environ
        self._paths: dict[int, Path] = {}
        self._not_served: dict[Path, list[Path]] = {}

    def read(self, value: object, kind: type[S]) -> S | None:
        """``value`` as a Struct, what was wrong in it left out; None if too little is left."""
        read = self._struct(value, kind, ())
        return read if isinstance(read, kind) else None

    def warn_not_served(self, ignored: Sequence[Path]) -> None:
        """One warning for each key without effect, those below ``ignored`` not counted."""
        for found in self._not_served.values():
            paths = [path for path in found if not any(path[: len(top)] == top for top in ignored)]
            if paths:
                places = f" ({len(paths)} places)" if len(paths) > 1 else ""
                self._report.warning(
                    paths[0], f"not served by this gateway{places}: {WITHOUT[str(paths[0][-1])]}"
                )

    def path_of(self, struct: Struct) -> Path:
        return self._paths[id(struct)]

    def _value(self, value: object, kind: Any, path: Path) -> Any:
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return self._annotated(value, arguments, path)
        if origin in (Union, types.UnionType):
            return self._union(value, arguments, path)
        if origin is list:
            return self._list(value, arguments[0], path)
        if origin is dict:
            return self._dict(value, arguments[1], path)
        if origin is Literal:
            return self._choice(value, arguments, path)
        if isinstance(kind, type) and issubclass(kind, Struct):
            return self._struct(value, kind, path)
        return self._leaf(value, kind, path)

    def _annotated(self, value: object, arguments: tuple[Any, ...], path: Path) -> Any:
        kind, metas = arguments[0], arguments[1:]
        if any(meta.extra and meta.extra.get(NOT_SERVED) for meta in metas):
            if value is not None:
                generic = tuple("" if isinstance(step, int) else step for step in path)
                self._not_served.setdefault(generic, []).append(path)
            return None
        read = self._value(value, kind, path)
        if read is None or self._report.failed(path):
            return read
        for meta in metas:
            if not _within(read, meta):
                self._report.error(path, f"must be {_describe_bounded(kind, meta)}")
                return _FAILED
        return read

    def _union(self, value: object, kinds: tuple[Any, ...], path: Path) -> Any:
        if value is None and types.NoneType in kinds:
            return None
        collections = [kind for kind in kinds if _collection_of(kind) is not None]
        scalars = [kind for kind in kinds if kind is not types.NoneType and kind not in collections]
        wanted = _collection_of(value)
        for kind in collections:
            if wanted is _collection_of(kind) or (len(collections) == 1 and not scalars):
                return self._value(value, kind, path)
        if len(scalars) == 1:
            return self._value(value, scalars[0], path)
        return self._leaf(value, Union[kinds], path)  # noqa: UP007

    def _struct(self, value: object, kind: type[Struct], path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._wrong(value, kind, path)
        hints = get_type_hints(kind, include_extras=True)
        read: dict[str, Any] = {}
        missing = False
        for field in msgspec.structs.fields(kind):
            if field.name in value:
                got = self._value(value[field.name], hints[field.name], (*path, field.name))
                if not isinstance(got, _Failed) and not (got is None and not field.required):
                    read[field.name] = got
                    continue
            elif field.required:
                self._report.error(path, f"{field.name} is missing")
            missing |= field.required
        self._report_unknown(value, hints, path)
        if missing:
            return _FAILED
        struct = kind(**read)
        self._paths[id(struct)] = path
        return struct

    def _report_unknown(
        self, value: Mapping[Any, Any], known: Mapping[str, Any], path: Path
    ) -> None:
        for key in value:
            if not isinstance(key, str):
                self._report_key(key, path)
            elif key not in known:
                here = (*path, key)
                self._report.error(here, "unknown key", did_you_mean(key, known))

    def _report_key(self, key: object, path: Path) -> None:
        self._report.error(
            (*path, str(key)), "a key must be text", f'put it in quotes: "{shown(str(key))}"'
        )

    def _list(self, value: object, kind: Any, path: Path) -> Any:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes):
            return self._wrong(value, list[kind], path)
        read = [self._value(item, kind, (*path, at)) for at, item in enumerate(value)]
        return [item for item in read if not isinstance(item, _Failed)]

    def _dict(self, value: object, kind: Any, path: Path) -> Any:
        if not isinstance(value, Mapping):
            return self._wrong(value, dict, path)
        read: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                self._report_key(key, path)
                continue
            got = self._value(item, kind, (*path, key))
            if not isinstance(got, _Failed):
                read[key] = got
        return read

    def _choice(self, value: object, choices: tuple[str, ...], path: Path) -> Any:
        text = self._leaf(value, str, path)
        if isinstance(text, _Failed) or text in choices:
            return text
        # The text as written: a variable's value is not shown.
        written = shown(value) if isinstance(value, str) else kind_of(value)
        self._report.error(path, f"{written!r} is not allowed here", did_you_mean(text, choices))
        return _FAILED

    def _leaf(self, value: object, kind: Any, path: Path) -> Any:
        from_variable = False
        if isinstance(value, str):
            expansion = expand(value, self._environ)
            self._report_variables(expansion.unset, expansion.broken, path)
            if expansion.unset or expansion.broken:
                return _FAILED
            value, from_variable = expansion.text, expansion.changed
        if kind is Secret:
            return Secret(value) if isinstance(value, str) else self._wrong(value, str, path)
        try:
            # A variable is always text: what it stands for may be a number all the same.
            return msgspec.convert(value, kind, strict=not from_variable)
        except msgspec.ValidationError:
            return self._wrong(value, kind, path)

    def _report_variables(self, unset: Sequence[str], broken: bool, path: Path) -> None:
        for name in unset:
            self._report.error(
                path,
                unset_message(name),
                f"export {name}=…, or write it into a file .env beside the config; "
                f"${{{name}:-default}} gives a default, $$ is a literal dollar",
            )
        if broken:
            self._report.error(path, "${ is not followed by a name and }", "$$ is a literal dollar")

    def _wrong(self, value: object, kind: Any, path: Path) -> _Failed:
        self._report.error(path, f"must be {describe(kind)}, not {kind_of(value)}")
        return _FAILED


def _collection_of(kind: object) -> type | None:
    """Which form a type, or a value, has in YAML: list, dict, or None for a scalar."""
    origin = get_origin(kind) or kind
    if isinstance(origin, type):
        if issubclass(origin, Struct | dict):
            return dict
        return list if origin is list else None
    if isinstance(kind, Mapping):
        return dict
    return list if isinstance(kind, Sequence) and not isinstance(kind, str | bytes) else None


def _within(value: Any, meta: Meta) -> bool:
    if meta.ge is not None and value < meta.ge:
        return False
    if meta.le is not None and value > meta.le:
        return False
    return meta.min_length is None or len(value) >= meta.min_length


def describe(kind: Any) -> str:
    """A type in words: ``a whole number from 1 to 65535``."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return describe(arguments[0])
    if origin in (Union, types.UnionType):
        words = [describe(item) for item in arguments if item is not types.NoneType]
        return " or ".join(dict.fromkeys(words))
    if origin is Literal:
        return "one of " + ", ".join(arguments)
    if origin is list:
        return "a list"
    if origin is dict or (isinstance(kind, type) and issubclass(kind, Struct | dict)):
        return "a mapping"
    words_of = {str: "text", Secret: "text", int: "a whole number", float: "a number"}
    return words_of.get(kind, "true or false" if kind is bool else "anything")


def _describe_bounded(kind: Any, meta: Meta) -> str:
    words = describe(kind)
    if meta.ge is not None and meta.le is not None:
        return f"{words} from {meta.ge} to {meta.le}"
    if meta.ge is not None:
        return f"{words} of at least {meta.ge}"
    if meta.min_length is not None:
        return f"{words} that is not empty"
    return words


def kind_of(value: object) -> str:
    """What a value is, in words. Texts are not quoted: they may be secret."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return f"the number {value}"
    if isinstance(value, str):
        return "text"
    form = _collection_of(value)
    return "a mapping" if form is dict else "a list" if form is list else "this"
