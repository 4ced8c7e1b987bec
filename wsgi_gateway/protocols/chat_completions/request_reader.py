"""A client's Chat Completions request, read into a Conversation."""

from wsgi_gateway.protocols import conversation as model
from wsgi_gateway.protocols import data_url, seal
from wsgi_gateway.protocols.chat_completions import wire
from wsgi_gateway.protocols.chat_completions.tools_reader import read_tool_choice, read_tools
from wsgi_gateway.protocols.conversation import Conversation, Item, Json, Message, Part, Text
from wsgi_gateway.protocols.decoding import arguments_text, convert
from wsgi_gateway.protocols.loss import Loss
from wsgi_gateway.protocols.unsupported import leave_out_unknown

_KNOWN = frozenset(wire.Request.__struct_fields__)
_HINTS = frozenset(
    {"prediction", "store", "prompt_cache_retention", "prompt_cache_options", "web_search_options"}
)


def read_request(body: Json, loss: Loss) -> Conversation:
    """Raises ApiError (invalid_request) naming the field that is missing, mistyped or untranslatable."""
    request = convert(body, wire.Request)
    leave_out_unknown(set(body), _KNOWN, _HINTS, loss)
    _refuse_untranslatable(request, loss)
    limit = request.max_completion_tokens
    return Conversation(
        api="chat_completions",
        model=request.model,
        stream=bool(request.stream),
        items=read_messages(request.messages, loss),
        tools=read_tools(request, loss),
        tool_choice=read_tool_choice(request, loss),
        parallel_tool_calls=request.parallel_tool_calls,
        max_output_tokens=limit if limit is not None else request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        stop=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        seed=request.seed,
        frequency_penalty=request.frequency_penalty,
        presence_penalty=request.presence_penalty,
        logit_bias=request.logit_bias,
        logprobs=request.logprobs,
        top_logprobs=request.top_logprobs,
        reasoning=_reasoning(request),
        output_format=_output_format(request, loss),
        verbosity=request.verbosity,
        user_id=request.safety_identifier or request.user,
        metadata=request.metadata,
        service_tier=request.service_tier,
        prompt_cache_key=request.prompt_cache_key,
        include_usage=bool(request.stream_options and request.stream_options.include_usage),
        body=body,
    )


def _refuse_untranslatable(request: wire.Request, loss: Loss) -> None:
    if request.n is not None and request.n != 1:
        loss.refuse("n", "the upstream's API gives one choice only")
    if request.audio or "audio" in (request.modalities or ()):
        loss.refuse("modalities", "the upstream's API has no audio output")
    if request.moderation:
        loss.refuse("moderation", "the upstream's API has no such setting")


def _reasoning(request: wire.Request) -> model.ReasoningOptions | None:
    effort = request.reasoning_effort
    return model.ReasoningOptions(effort=effort) if effort else None


def _output_format(request: wire.Request, loss: Loss) -> model.OutputFormat | None:
    given = request.response_format
    if given is None:
        return None
    if given.type == "text":
        return model.OutputFormat(type="text")
    if given.type == "json_object":
        return model.OutputFormat(type="json_object")
    if given.type != "json_schema" or given.json_schema is None:
        loss.refuse("response_format.type", f"unknown format {given.type!r}")
    schema = given.json_schema
    return model.OutputFormat(
        type="json_schema",
        name=schema.name,
        description=schema.description,
        schema=schema.schema,
        strict=schema.strict,
    )


def read_messages(messages: list[wire.RequestMessage], loss: Loss) -> list[Item]:
    """The history, in order; an assistant message becomes reasoning, text and calls."""
    items: list[Item] = []
    legacy_call = 0
    for position, message in enumerate(messages):
        path = f"messages[{position}]"
        match message.role:
            case "system" | "developer" | "user" as role:
                parts = _parts(message.content, f"{path}.content", loss)
                items.append(Message(role=role, parts=parts, name=message.name))
            case "assistant":
                if message.function_call is not None:
                    legacy_call += 1
                items += _assistant(message, path, legacy_call, loss)
            case "tool":
                if not message.tool_call_id:
                    loss.refuse(f"{path}.tool_call_id", "is required for role tool")
                items.append(_result(message, message.tool_call_id, path, loss))
            case "function":
                items.append(_result(message, f"call_function_{legacy_call}", path, loss))
            case other:
                loss.refuse(f"{path}.role", f"unknown role {other!r}")
    return items


def _result(message: wire.RequestMessage, call_id: str, path: str, loss: Loss) -> model.ToolResult:
    return model.ToolResult(call_id=call_id, parts=_parts(message.content, f"{path}.content", loss))


def _assistant(message: wire.RequestMessage, path: str, legacy_call: int, loss: Loss) -> list[Item]:
    if message.audio:
        loss.refuse(f"{path}.audio", "the upstream's API has no audio")
    items: list[Item] = _history_reasoning(message)
    parts = [
        part for part in _parts(message.content, f"{path}.content", loss) if _says_something(part)
    ]
    if message.refusal:
        parts.append(model.Refusal(text=message.refusal))
    if parts:
        items.append(Message(role="assistant", parts=parts, name=message.name))
    for number, call in enumerate(message.tool_calls or ()):
        items.append(_call(call, f"{path}.tool_calls[{number}]", loss))
    if message.function_call is not None and message.function_call.name:
        items.append(
            model.ToolCall(
                id=f"call_function_{legacy_call}",
                name=message.function_call.name,
                arguments=arguments_text(message.function_call.arguments),
            )
        )
    return items


def _says_something(part: Part) -> bool:
    return not isinstance(part, Text) or part.text != ""


def _call(call: wire.ToolCall, path: str, loss: Loss) -> model.ToolCall:
    if not call.id:
        loss.refuse(f"{path}.id", "is required")
    if call.custom is not None:
        return model.ToolCall(
            id=call.id, name=call.custom.name, arguments=call.custom.input, custom=True
        )
    if call.function is None or not call.function.name:
        loss.refuse(f"{path}.function.name", "is required")
    return model.ToolCall(
        id=call.id,
        name=call.function.name,
        arguments=arguments_text(call.function.arguments),
    )


def _history_reasoning(message: wire.RequestMessage) -> list[Item]:
    """What this gateway's own replies carry in ``reasoning_details``, else the bare readable text."""
    found: list[Item] = []
    for detail in message.reasoning_details or ():
        token = detail.get("signature") or detail.get("data")
        proof = seal.unseal(token) if isinstance(token, str) else None
        if proof is not None:
            found.append(model.Reasoning(text=str(detail.get("text") or ""), proof=proof))
    text = message.reasoning_content or message.reasoning
    if not found and text:
        found.append(model.Reasoning(text=text, proof=model.Proof(kind="none")))
    return found


def _parts(content: str | list[wire.ContentPart] | None, path: str, loss: Loss) -> list[Part]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(text=content)]
    return [_part(part, f"{path}[{number}]", loss) for number, part in enumerate(content)]


def _part(part: wire.ContentPart, path: str, loss: Loss) -> Part:
    cache = part.cache_control or _cache_of_breakpoint(part.prompt_cache_breakpoint)
    match part.type:
        case "text":
            if part.text is None:
                loss.refuse(f"{path}.text", "is required")
            return Text(text=part.text, cache=cache)
        case "refusal":
            return model.Refusal(text=part.refusal or "")
        case "image_url" if part.image_url is not None:
            return _image(part.image_url, cache)
        case "file" if part.file is not None:
            return _file(part.file, cache)
        case other:
            loss.refuse(path, f"content of type {other!r} cannot be carried to the upstream's API")


def _cache_of_breakpoint(mark: Json | None) -> Json | None:
    return {"type": "ephemeral"} if mark else None


def _image(image: wire.ImageUrl | str, cache: Json | None) -> model.Image:
    if isinstance(image, str):
        image = wire.ImageUrl(image)
    inline = data_url.split(image.url)
    if inline is None:
        return model.Image(url=image.url, detail=image.detail, cache=cache)
    media_type, data = inline
    return model.Image(data=data, media_type=media_type, detail=image.detail, cache=cache)


def _file(file: wire.File, cache: Json | None) -> model.Document:
    inline = data_url.split(file.file_data) if file.file_data else None
    media_type, data = inline or ("application/pdf", file.file_data)
    return model.Document(
        data=data,
        media_type=media_type if data else None,
        file_id=file.file_id,
        filename=file.filename,
        cache=cache,
    )
