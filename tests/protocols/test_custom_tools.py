"""Custom tools as functions, and back."""

import json

from support.events import told, translation

from wsgi_gateway.protocols.conversation import Tool, ToolCall
from wsgi_gateway.protocols.custom_tools import as_function, function_arguments, wrapped_input
from wsgi_gateway.protocols.reply import fold
from wsgi_gateway.protocols.reply_builder import ReplyBuilder


def test_a_function_keeps_everything_but_its_name() -> None:
    task = translation()
    tool = Tool(
        name="a.b", namespace="n", description="d", parameters={"type": "object"}, strict=True
    )
    function = as_function(tool, task)
    assert function.name == task.aliases.tool("a.b", "n")
    assert (function.description, function.parameters, function.strict) == (
        "d",
        tool.parameters,
        True,
    )
    assert function.namespace is None
    assert task.loss.entries == []


def test_a_custom_tool_takes_one_text_and_describes_its_grammar() -> None:
    task = translation()
    grammar = {"syntax": "lark", "definition": "start: /x+/"}
    function = as_function(Tool(name="patch", custom=True, description="d", grammar=grammar), task)
    assert function.parameters is not None
    assert list(function.parameters["properties"]) == ["input"]
    assert function.description == "d\n\nThe input must follow this grammar:\nstart: /x+/"
    assert [entry.path for entry in task.loss.entries] == ["tools"]


def test_a_custom_tool_knows_its_place_and_needs_no_description() -> None:
    task = translation()
    tool = task.loss.at(
        "tools[2]", Tool(name="patch", custom=True, grammar={"syntax": "regex", "definition": "x"})
    )
    assert as_function(tool, task).description == "The input must follow this grammar:\nx"
    assert [entry.path for entry in task.loss.entries] == ["tools[2]"]


def test_arguments() -> None:
    custom = ToolCall(id="c", name="patch", arguments='say "x"\n', custom=True)
    assert json.loads(function_arguments(custom)) == {"input": 'say "x"\n'}
    plain = ToolCall(id="c", name="f", arguments='{"n": 1.10}')
    assert function_arguments(plain) == '{"n": 1.10}'


def test_the_reply_builder_takes_the_text_out_again() -> None:
    task = translation()
    name = as_function(Tool(name="patch", custom=True), task).name
    builder = ReplyBuilder(task.aliases)
    builder.start("", "")
    part = builder.open_call("c", name)
    builder.delta(part, wrapped_input('say "x"\n'))
    builder.finish("stop")
    assert told(fold(builder.take())) == [("tool_call", "c", "patch", 'say "x"\n')]
