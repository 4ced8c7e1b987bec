"""Anthropic's Python SDK, by its streaming helper; the newest generation and the one before."""

from typing import Any

from anthropic import Anthropic
from task import DESCRIPTION, MOST_TURNS, SCHEMA, Task, main


def messages(task: Task) -> None:
    client = Anthropic(base_url=task.base_url, api_key=task.key, max_retries=0)
    history: list[Any] = [{"role": "user", "content": task.prompt}]
    for _ in range(MOST_TURNS):
        with client.messages.stream(
            model=task.model,
            max_tokens=8000,
            messages=history,
            tools=[{"name": "get_weather", "description": DESCRIPTION, "input_schema": SCHEMA}],
            thinking={"type": "enabled", "budget_tokens": 2048},
        ) as events:
            message = events.get_final_message()
        history.append({"role": "assistant", "content": message.content})
        results = []
        for block in message.content:
            if block.type == "thinking":
                task.thinking += block.thinking
            elif block.type == "text":
                task.text = block.text
            elif block.type == "tool_use":
                result = task.get_weather(**block.input)
                results.append({"type": "tool_result", "tool_use_id": block.id, "content": result})
        if not results:
            return
        history.append({"role": "user", "content": results})


main({"messages": messages}, "anthropic")
