"""OpenAI's tools that the client itself runs, as functions for models that know functions only, and back.

One row per tool says what its function looks like, where the items of a call keep its arguments, and what its results
say. Source: the types of the openai SDK (``responses/``), OpenAI's guides "Apply patch", "Shell", "Local shell" and
"Tool search". The descriptions are the gateway's own.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from wsgi_gateway.protocols.conversation import Json
from wsgi_gateway.protocols.decoding import encode, parse_arguments
from wsgi_gateway.protocols.responses import wire


class _WriteFile(Struct):
    type: Literal["create_file", "update_file"]
    path: str
    diff: str


class _DeleteFile(Struct):
    type: Literal["delete_file"]
    path: str


class _Shell(Struct):
    commands: list[str]
    timeout_ms: int | None = None
    max_output_length: int | None = None


class _LocalShell(Struct):
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    working_directory: str | None = None
    timeout_ms: int | None = None
    user: str | None = None


class ClientTool(Struct, frozen=True, kw_only=True):
    """Its function is named as its ``type``, if ``ClientTools`` does not find that name taken.

    An item of a call keeps the arguments in its field ``holder``, together with the constants ``fixed``; ``beside``
    are constants of the item itself. ``has_shape`` says whether arguments are such as the item can hold, ``begun`` what
    of ``holder`` is there when the item is announced, ``result_text`` what the model is told about a result: None
    if that is of another form.
    """

    type: str
    description: str
    parameters: Json
    prefix: str
    holder: str
    has_shape: Callable[[Json], bool]
    begun: Callable[[Json], Json]
    result_text: Callable[[wire.Item], str | None]
    fixed: Json = field(default_factory=dict)
    beside: Json = field(default_factory=dict)

    @property
    def call_type(self) -> str:
        return f"{self.type}_call"

    @property
    def result_type(self) -> str:
        return "tool_search_output" if self.type == "tool_search" else f"{self.type}_call_output"

    def held(self, arguments: str) -> Json | None:
        """What ``holder`` gets of a call's JSON text; None if it is not of the tool's shape."""
        given = parse_arguments(arguments)
        if given is None or not self.has_shape(given):
            return None
        return {**self.fixed, **{key: value for key, value in given.items() if value is not None}}

    def arguments(self, held: Any) -> str:
        """The JSON text of a call, of what an item of the history holds."""
        if not isinstance(held, dict):
            return held if isinstance(held, str) and held.strip() else "{}"
        given = {key: value for key, value in held.items() if value != self.fixed.get(key)}
        return encode(given).decode()


def _fits(shape: Any) -> Callable[[Json], bool]:
    def has_shape(arguments: Json) -> bool:
        try:
            msgspec.convert(arguments, shape)
        except msgspec.ValidationError:
            return False
        return True

    return has_shape


def _is_patch(operation: Json) -> bool:
    return _fits(_DeleteFile if operation.get("type") == "delete_file" else _WriteFile)(operation)


def _text_of(item: wire.Item) -> str | None:
    return item.output if isinstance(item.output, str) else None


def _patch_text(item: wire.Item) -> str | None:
    return item.status or "completed" if item.output is None else _text_of(item)


def _shell_text(item: wire.Item) -> str | None:
    """The outputs as JSON: streams of any content stay apart from each other and from how it ended."""
    parts = item.output
    if not isinstance(parts, list):
        return None
    told = [
        {"stdout": part.stdout or "", "stderr": part.stderr or "", "outcome": part.outcome}
        for part in parts
    ]
    return encode(told).decode()


def _found_text(item: wire.Item) -> str:
    """The names under which the model can call what was found."""
    return encode(
        {"loaded_tools": [name for tool in item.tools or () for name in _names(tool)]}
    ).decode()


def _names(tool: wire.Tool) -> Iterator[str]:
    if tool.type == "namespace":
        yield from (f"{tool.name}__{inner.name}" for inner in tool.tools or ())
    elif tool.name:
        yield tool.name


def _object(properties: Json, *required: str) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _said(type_: str, description: str, **more: Any) -> Json:
    return {"type": type_, "description": description, **more}


_TEXTS: Json = {"type": "string"}
_TIMEOUT = _said("integer", "How long it may take, in milliseconds.")

CLIENT_TOOLS: tuple[ClientTool, ...] = (
    ClientTool(
        type="apply_patch",
        description="Create, update or delete one file by a diff.",
        parameters=_object(
            {
                "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                "path": _said("string", "The file, relative to the root of the workspace."),
                "diff": _said(
                    "string",
                    "For create_file and update_file: a V4A diff without a header. A new file's lines each begin "
                    "with '+'. An update has sections that begin with a line '@@', or '@@ ' and the class or function "
                    "that they are in; their lines begin with ' ' for context (three lines before and after), "
                    "'-' for what goes and '+' for what comes.",
                ),
            },
            "type",
            "path",
        ),
        prefix="apc_",
        holder="operation",
        has_shape=_is_patch,
        begun=lambda operation: operation | {"diff": ""} if "diff" in operation else operation,
        result_text=_patch_text,
    ),
    ClientTool(
        type="shell",
        description="Run shell commands on the user's machine. The result is the output of each, as JSON.",
        parameters=_object(
            {
                "commands": _said("array", "The commands, run one after another.", items=_TEXTS),
                "timeout_ms": _TIMEOUT,
                "max_output_length": _said("integer", "How many characters of output to return."),
            },
            "commands",
        ),
        prefix="sh_",
        holder="action",
        has_shape=_fits(_Shell),
        begun=lambda _: {"commands": []},
        result_text=_shell_text,
    ),
    ClientTool(
        type="local_shell",
        description="Run one command on the user's machine.",
        parameters=_object(
            {
                "command": _said("array", "The program and its arguments.", items=_TEXTS),
                "working_directory": _said("string", "Where to run it."),
                "env": _said("object", "Environment variables.", additionalProperties=_TEXTS),
                "timeout_ms": _TIMEOUT,
                "user": _said("string", "The user to run it as."),
            },
            "command",
        ),
        prefix="lsh_",
        holder="action",
        has_shape=_fits(_LocalShell),
        begun=lambda _: {"type": "exec", "command": [], "env": {}},
        result_text=_text_of,
        fixed={"type": "exec", "env": {}},
    ),
    ClientTool(
        type="tool_search",
        description="Search for more tools.",
        parameters=_object({"query": _TEXTS}, "query"),
        prefix="tsc_",
        holder="arguments",
        has_shape=lambda _: True,
        begun=lambda _: {},
        result_text=_found_text,
        beside={"execution": "client"},
    ),
)

CALLS = {tool.call_type: tool for tool in CLIENT_TOOLS}
RESULTS = {tool.result_type: tool for tool in CLIENT_TOOLS}
_BY_TYPE = {tool.type: tool for tool in CLIENT_TOOLS}
_OWN_NAMES = {type_: type_ for type_ in _BY_TYPE}


class ClientTools:
    """Those of one request: what their functions are called, and which of them the client declared.

    A function of the client's own that has the same name keeps it.
    """

    def __init__(self, body: Json) -> None:
        self._names = _OWN_NAMES
        self._declared: dict[str, ClientTool] = {}
        given = list(_given_tools(body))
        if given:
            self._read(given)

    def _read(self, given: list[Json]) -> None:
        taken = [tool.get("name") for tool in given if tool.get("type") in ("function", "custom")]
        self._names = {}
        for type_ in _BY_TYPE:
            name = type_
            while name in taken:
                name = f"openai_{name}"
            self._names[type_] = name
        declared = (
            client_tool(tool.get("type"), tool.get("execution"), tool.get("environment"))
            for tool in given
        )
        self._declared = {self.name(tool): tool for tool in declared if tool is not None}

    def name(self, tool: ClientTool) -> str:
        """What its function is called."""
        return self._names[tool.type]

    def called(self, name: str) -> ClientTool | None:
        """The declared tool for which the function ``name`` stands; None for any other function."""
        return self._declared.get(name)

    def chosen(self, type_: str) -> str | None:
        """The name of the function of a declared tool; None for other types."""
        name = self._names.get(type_)
        return name if name in self._declared else None


def client_tool(type_: Any, execution: Any, environment: Any) -> ClientTool | None:
    """The tool of a declaration; None for any other, and for those that would run at OpenAI."""
    if type_ == "tool_search" and execution != "client":
        return None
    if environment is not None and not (
        isinstance(environment, dict) and environment.get("type") == "local"
    ):
        return None
    return _BY_TYPE.get(type_) if isinstance(type_, str) else None


def _given_tools(body: Json) -> Iterator[Json]:
    """The tools of the request and of the items of its history, as they came."""
    items = body.get("input")
    holders = [body]
    if isinstance(items, list):
        holders += [item for item in items if isinstance(item, dict) and "tools" in item]
    for holder in holders:
        tools = holder.get("tools")
        if isinstance(tools, list):
            yield from (tool for tool in tools if isinstance(tool, dict))
