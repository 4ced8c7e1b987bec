"""OpenAI's Python SDK, by its streaming helpers; the newest generation and the one before."""

from typing import Any

from openai import OpenAI
from task import DESCRIPTION, MOST_TURNS, SCHEMA, Task, main

FUNCTION = {"name": "get_weather", "description": DESCRIPTION, "parameters": SCHEMA, "strict": True}


def client_of(task: Task) -> OpenAI:
    return OpenAI(base_url=f"{task.base_url}/v1", api_key=task.key, max_retries=0)


def chat_completions(task: Task) -> None:
    client = client_of(task)
    messages: list[Any] = [{"role": "user", "content": task.prompt}]
    for _ in range(MOST_TURNS):
        with client.chat.completions.stream(
            model=task.model,
            messages=messages,
            tools=[{"type": "function", "function": FUNCTION}],
            reasoning_effort="medium",
        ) as events:
            message = events.get_final_completion().choices[0].message
        task.thinking += getattr(message, "reasoning_content", None) or ""
        task.text = message.content or ""
        messages.append(message)
        for call in message.tool_calls or []:
            result = task.get_weather(**call.function.parsed_arguments)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
        if not message.tool_calls:
            return


def responses(task: Task) -> None:
    client = client_of(task)
    items: list[Any] = [{"role": "user", "content": task.prompt}]
    before = None
    for _ in range(MOST_TURNS):
        with client.responses.stream(
            model=task.model,
            input=items,
            tools=[{"type": "function", **FUNCTION}],
            reasoning={"effort": "medium", "summary": "auto"},
            include=["reasoning.encrypted_content"],
            store=task.stored,
            **({"previous_response_id": before} if before else {}),
        ) as events:
            response = events.get_final_response()
        if task.stored:
            before, items = response.id, []
        else:
            items += response.output
        thoughts = [item for item in response.output if item.type == "reasoning"]
        calls = [item for item in response.output if item.type == "function_call"]
        task.thinking += "".join(part.text for item in thoughts for part in item.summary)
        task.text = response.output_text
        for call in calls:
            result = task.get_weather(**call.parsed_arguments)
            output = {"type": "function_call_output", "call_id": call.call_id, "output": result}
            items.append(output)
        if not calls:
            return


main({"chat_completions": chat_completions, "responses": responses}, "openai")
