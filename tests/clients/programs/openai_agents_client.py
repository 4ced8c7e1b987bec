"""OpenAI's Agents SDK, with its models for both of OpenAI's APIs."""

import asyncio

from agents import (
    Agent,
    Model,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    function_tool,
)
from openai import AsyncOpenAI
from openai.types.shared import Reasoning
from task import Task, main


def client_of(task: Task) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{task.base_url}/v1", api_key=task.key, max_retries=0)


async def stream(task: Task, model: Model, settings: ModelSettings) -> None:
    tools = [function_tool(task.get_weather)]
    agent = Agent("Weather", model=model, model_settings=settings, tools=tools)
    run = Runner.run_streamed(
        agent,
        task.prompt,
        run_config=RunConfig(tracing_disabled=True),
        auto_previous_response_id=task.stored,
    )
    async for _ in run.stream_events():
        pass
    thoughts = [item.raw_item for item in run.new_items if item.type == "reasoning_item"]
    task.thinking = "".join(part.text for item in thoughts for part in item.summary)
    task.text = run.final_output


def chat_completions(task: Task) -> None:
    model = OpenAIChatCompletionsModel(task.model, client_of(task))
    settings = ModelSettings(reasoning=Reasoning(effort="medium"))
    asyncio.run(stream(task, model, settings))


def responses(task: Task) -> None:
    model = OpenAIResponsesModel(task.model, client_of(task))
    settings = ModelSettings(
        reasoning=Reasoning(effort="medium", summary="auto"),
        response_include=["reasoning.encrypted_content"],
        store=task.stored,
    )
    asyncio.run(stream(task, model, settings))


main({"chat_completions": chat_completions, "responses": responses}, "openai-agents")
