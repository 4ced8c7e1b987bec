"""Names and ids survive the way there and back."""

from hypothesis import given
from hypothesis import strategies as st

from wsgi_gateway.protocols.aliases import Aliases, ToolName


@given(st.lists(st.tuples(st.text(min_size=1), st.none() | st.text(min_size=1)), unique=True))
def test_tool_names_are_legal_and_come_back(names: list[tuple[str, str | None]]) -> None:
    aliases = Aliases()
    for name, namespace in names:
        alias = aliases.tool(name, namespace)
        assert 1 <= len(alias) <= 64
        assert (alias.isascii() and alias.replace("_", "").replace("-", "").isalnum()) or set(
            alias
        ) <= {"_", "-"}
        assert aliases.tool(name, namespace) == alias
        assert aliases.restore_tool(alias) == ToolName(name, namespace)


def test_a_reserved_name_is_not_given_to_a_clients_tool() -> None:
    aliases = Aliases()
    aliases.reserve("web_search")
    alias = aliases.tool("web_search")
    assert alias != "web_search"
    assert aliases.tool("web_search") == alias
    assert aliases.restore_tool(alias) == ToolName("web_search")


def test_long_names_with_a_common_beginning_stay_distinct() -> None:
    aliases = Aliases()
    first, second = "x" * 70 + "a", "x" * 70 + "b"
    assert aliases.tool(first) != aliases.tool(second)
    assert aliases.restore_tool(aliases.tool(first)) == ToolName(first)
    assert aliases.restore_tool(aliases.tool(second)) == ToolName(second)


def test_a_namespace_comes_back() -> None:
    aliases = Aliases()
    alias = aliases.tool("search", "mcp")
    assert alias == "mcp__search"
    assert aliases.restore_tool(alias) == ToolName("search", "mcp")


@given(st.text(min_size=1))
def test_call_ids_are_legal_and_come_back(call_id: str) -> None:
    aliases = Aliases()
    alias = aliases.call_id(call_id)
    assert len(alias) <= 64
    assert aliases.restore_call_id(alias) == call_id


def test_legal_ids_and_names_are_kept() -> None:
    aliases = Aliases()
    assert aliases.call_id("toolu_01AbC-9") == "toolu_01AbC-9"
    assert aliases.tool("get_weather") == "get_weather"
    assert aliases.restore_tool("never_seen") == ToolName("never_seen")


def test_a_plain_name_that_looks_like_a_namespaced_one_is_another_tool() -> None:
    aliases = Aliases()
    assert aliases.tool("b", "a") != aliases.tool("a__b")


def test_a_name_that_the_upstream_was_not_told_is_not_known() -> None:
    aliases = Aliases()
    alias = aliases.tool("a.b")
    assert aliases.knows_tool(alias)
    assert not aliases.knows_tool("a.b")
