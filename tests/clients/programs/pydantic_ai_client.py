"""Pydantic AI's agent, with its models for all three APIs."""

import asyncio
from typing import Any

from pydantic_ai import Agent, AgentRunResultEvent
from pydantic_ai.messages import ThinkingPart
from pydantic_ai.models.anthropic import AnthropicModel, AnthropicModelSettings
from pydantic_ai.models.openai import (
    OpenAIChatModel,
    OpenAIChatModelSettings,
    OpenAIResponsesModel,
    OpenAIResponsesModelSettings,
)
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from task import Task, main


async def stream(task: Task, model: Any) -> None:
    agent = Agent(model, tools=[task.get_weather])
    async with agent.run_stream_events(task.prompt) as events:
        async for event in events:
            if isinstance(event, AgentRunResultEvent):
                task.text = event.result.output
                parts = [part for message in event.result.all_messages() for part in message.parts]
    task.thinking = "".join(part.content for part in parts if isinstance(part, ThinkingPart))


def openai(task: Task) -> OpenAIProvider:
    return OpenAIProvider(base_url=f"{task.base_url}/v1", api_key=task.key)


def chat_completions(task: Task) -> None:
    settings = OpenAIChatModelSettings(openai_reasoning_effort="medium")
    model = OpenAIChatModel(task.model, provider=openai(task), settings=settings)
    asyncio.run(stream(task, model))


def responses(task: Task) -> None:
    settings = OpenAIResponsesModelSettings(
        openai_reasoning_effort="medium", openai_reasoning_summary="auto", openai_store=task.stored
    )
    if task.stored:
        settings["openai_previous_response_id"] = "auto"
    model = OpenAIResponsesModel(task.model, provider=openai(task), settings=settings)
    asyncio.run(stream(task, model))


def messages(task: Task) -> None:
    thinking = {"type": "enabled", "budget_tokens": 2048}
    settings = AnthropicModelSettings(anthropic_thinking=thinking, max_tokens=8000)
    provider = AnthropicProvider(base_url=task.base_url, api_key=task.key)
    asyncio.run(stream(task, AnthropicModel(task.model, provider=provider, settings=settings)))


main(
    {"chat_completions": chat_completions, "responses": responses, "messages": messages},
    "pydantic-ai-slim",
)
