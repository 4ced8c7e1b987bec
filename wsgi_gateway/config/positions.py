"""YAML text into plain values, remembering the line of each: what the other checks need to name a place.

Duplicate keys, foreign tags and hostile nesting are reported here; what the values mean is not.
"""

from typing import Any

import yaml

from wsgi_gateway.config.problems import Path, Report, shown

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD_TAG = "tag:yaml.org,2002:"

# libyaml's composer recurses in C, so nesting that no config has would end the process, not raise.
_MAX_DEPTH = 64
# Aliases of aliases grow exponentially when followed.
_MAX_VALUES = 100_000


class _Unreadable(Exception):
    """The rest of the text cannot be read; already reported."""


def read_yaml(text: str, report: Report) -> Any:
    """The value of a YAML document. Problems go to ``report``, lines to ``report.lines``; None if unreadable."""
    try:
        _refuse_deep_nesting(text, report)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            return None if node is None else _Builder(loader, report).build(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(part for part in (error.context, error.problem) if part)
        # Newer parsers have a limit of their own, and may meet it before ours: they read ahead.
        deep = "nesting depth" in reason
        what = "nested too deeply" if deep else f"not YAML: {reason}"
        report.error((), what, line=mark.line + 1 if mark else None)
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
        report.error((), "not YAML: a character that YAML does not allow", line=line)
    except _Unreadable:
        pass
    return None


def _refuse_deep_nesting(text: str, report: Report) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MAX_DEPTH:
            report.error((), "nested too deeply", line=_line(event))
            raise _Unreadable


class _Builder:
    """One document's nodes into values. A node met twice (an alias) has its first line twice."""

    def __init__(self, loader: Any, report: Report) -> None:
        self._loader = loader
        self._report = report
        self._values = 0
        self._open: set[int] = set()
        self._flattened: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:
        line = _line(node)
        self._report.lines.setdefault(path, line)
        self._values += 1
        if id(node) in self._open or self._values > _MAX_VALUES:
            self._report.error(path, "an alias that contains itself, or far too many values")
            raise _Unreadable
        if not node.tag.startswith(_STANDARD_TAG):
            self._report.error(path, f"unknown tag {shown(node.tag)}", "remove the tag", line=line)
            return None
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(child, (*path, at)) for at, child in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[Any, Any]:
        if id(node) not in self._flattened:
            self._flattened.add(id(node))
            self._report_duplicates(node, path)
            self._loader.flatten_mapping(node)
        built: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._report.error(path, "a key must be plain text", line=_line(key_node))
                continue
            key = self._scalar(key_node, path)
            step = key if isinstance(key, str) else str(key)
            self._report.lines[(*path, step)] = _line(key_node)
            built[key] = self.build(value_node, (*path, step))
        return built

    def _report_duplicates(self, node: yaml.MappingNode, path: Path) -> None:
        first: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            line = _line(key_node)
            if key_node.value in first and key_node.value != "<<":
                self._report.error(
                    (*path, key_node.value),
                    f"key given twice (first in line {first[key_node.value]})",
                    "keep one of them",
                    line=line,
                )
            first.setdefault(key_node.value, line)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        try:
            return self._loader.construct_object(node)
        # The constructors of PyYAML trust their input: 2001-99-99, !!int x and !!bool x each fail differently.
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            kind = node.tag.removeprefix(_STANDARD_TAG)
            self._report.error(
                path,
                f"not a {kind}",
                "put it in quotes if text is meant",
                line=_line(node),
            )
            return None


def _line(item: Any) -> int:
    """The line that a node or an event begins in, counted from 1."""
    return int(item.start_mark.line) + 1
