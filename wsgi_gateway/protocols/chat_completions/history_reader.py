"""The messages of a client's request, read into items in the order in which things were said.

An assistant message becomes its reasoning, its text and its calls. What hosts want back beside them
(``reasoning_details``, a call's ``extra_content``) becomes the proof of a piece of reasoning.
"""

from collections.abc import Sequence

from msgspec import Raw

from wsgi_gateway.protocols import conversation as model
from wsgi_gateway.protocols import seal
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.content_reader import read_content
from wsgi_gateway.protocols.chat_completions.reasoning_details import readable_text
from wsgi_gateway.protocols.conversation import Item, Json, Message, Part, Proof, Reasoning, Text
from wsgi_gateway.protocols.decoding import arguments_text, encode
from wsgi_gateway.protocols.loss import Loss


def read_messages(messages: Sequence[wire.Message], loss: Loss) -> list[Item]:
    """The history. Raises ApiError, by the exact path, for a message that no upstream could take."""
    items: list[Item] = []
    legacy_calls = 0
    for position, message in enumerate(messages):
        path = f"messages[{position}]"
        match message.role:
            case "system" | "developer" | "user" as role:
                items.append(_asked(message, role, path, loss))
            case "assistant":
                legacy_calls += message.function_call is not None
                items += _assistant(message, path, f"call_function_{legacy_calls}", loss)
            case "tool":
                if not message.tool_call_id:
                    loss.refuse(f"{path}.tool_call_id", "is required for role tool")
                items.append(_result(message, message.tool_call_id, path, loss))
            case "function":
                items.append(_result(message, f"call_function_{legacy_calls}", path, loss))
            case other:
                loss.refuse(f"{path}.role", f"unknown role {other!r}")
    return items


def _asked(message: wire.Message, role: model.Role, path: str, loss: Loss) -> Item:
    content = message.content
    if isinstance(content, str | Raw):  # Nearly all are such.
        parts: list[Part] = [Text(words=content)]
        return loss.around(path, ".content", Message(role=role, parts=parts, name=message.name))
    parts = read_content(content or (), f"{path}.content", loss)
    return loss.at(path, Message(role=role, parts=parts, name=message.name))


def _result(message: wire.Message, call_id: str, path: str, loss: Loss) -> model.ToolResult:
    content = message.content
    if isinstance(content, str | Raw):
        result = model.ToolResult(call_id=call_id, parts=[Text(words=content)])
        return loss.around(path, ".content", result)
    parts = read_content(content or (), f"{path}.content", loss)
    return loss.at(path, model.ToolResult(call_id=call_id, parts=parts))


def _assistant(message: wire.Message, path: str, legacy_id: str, loss: Loss) -> list[Item]:
    """``legacy_id`` is that of a deprecated ``function_call``, which has none of its own."""
    if message.audio:
        loss.refuse(f"{path}.audio", "the upstream's API has no audio")
    items: list[Item] = _reasoning(message, path, loss) if _has_thoughts(message) else []
    parts: list[Part] = []
    content = message.content
    if isinstance(content, str | Raw):
        if content:
            parts.append(Text(words=content))
    elif content:
        read = read_content(content, f"{path}.content", loss)
        parts += [part for part in read if type(part) is not Text or part.words]
    if message.refusal:
        parts.append(loss.at(f"{path}.refusal", model.Refusal(text=message.refusal)))
    if parts:
        said = Message(role="assistant", parts=parts, name=message.name)
        is_plain = isinstance(content, str | Raw) and bool(content)
        items.append(loss.around(path, ".content", said) if is_plain else loss.at(path, said))
    elif message.name:
        loss.approximated(f"{path}.name", "left out: there is no text that it goes with")
    for number, call in enumerate(message.tool_calls or ()):
        items += _call(call, f"{path}.tool_calls[{number}]", loss)
    legacy = message.function_call
    if legacy is not None:
        items += _call(wire.ToolCall(id=legacy_id, function=legacy), f"{path}.function_call", loss)
    return items


def _has_thoughts(message: wire.Message) -> bool:
    told = message.reasoning_content or message.reasoning
    return bool(told or message.reasoning_details or message.extra_content)


def _call(call: wire.ToolCall, path: str, loss: Loss) -> list[Item]:
    """The call, behind what its host wants back with it."""
    if not call.id:
        loss.refuse(f"{path}.id", "is required")
    kind = "function" if call.custom is None else "custom"
    called = call.custom or call.function
    if called is None or not called.name:
        where = path if path.endswith("function_call") else f"{path}.{kind}"
        loss.refuse(f"{where}.name", "is required")
    item = model.ToolCall(id=call.id, name=called.name, arguments="")
    if type(called) is wire.CustomCall:
        item.custom, item.arguments = True, called.input or ""
    elif type(called) is wire.Function:
        item.arguments = arguments_text(called.arguments)
    loss.at(path, item)
    extra = call.extra_content
    return [*_extra(extra, call.id, path, loss), item] if extra else [item]


def _extra(extra: object, call_id: str | None, path: str, loss: Loss) -> list[Item]:
    if not extra:
        return []
    if not isinstance(extra, dict):
        loss.refuse(f"{path}.extra_content", "must be an object")
    proof = Proof(kind="call", value=encode(extra).decode(), item_id=call_id)
    return [loss.at(f"{path}.extra_content", Reasoning(proof=proof))]


def _reasoning(message: wire.Message, path: str, loss: Loss) -> list[Item]:
    """What this gateway sealed into ``reasoning_details``, a host's own of them, or the bare readable text."""
    found: list[Item] = []
    foreign: list[Json] = []
    sealed = False
    for number, detail in enumerate(message.reasoning_details or ()):
        token = detail.get("signature") or detail.get("data")
        if not isinstance(token, str) or not seal.is_sealed(token):
            foreign.append(detail)
            continue
        sealed = True
        place = f"{path}.reasoning_details[{number}]"
        proof = seal.unseal(token)
        if proof is None:
            loss.dropped(place, "it was changed or cut on the way")
        else:
            thought = Reasoning(text=str(detail.get("text") or ""), proof=proof)
            found.append(loss.at(place, thought))
    plain = message.reasoning_content or message.reasoning or ""
    if foreign:
        proof = Proof(kind="details", value=encode(foreign).decode())
        thought = Reasoning(text=plain or readable_text(foreign), proof=proof)
        found.append(loss.at(f"{path}.reasoning_details", thought))
    elif plain and not sealed:
        name = "reasoning_content" if message.reasoning_content else "reasoning"
        found.append(loss.at(f"{path}.{name}", Reasoning(text=plain, proof=Proof(kind="none"))))
    return found + _extra(message.extra_content, None, path, loss)
