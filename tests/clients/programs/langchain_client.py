"""LangChain's agent, with its models for all three APIs."""

from typing import Any

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from task import Task, main


def run(task: Task, model: Any) -> None:
    agent = create_agent(model, tools=[task.get_weather])
    question = {"messages": [{"role": "user", "content": task.prompt}]}
    final: Any = None
    for _, state in agent.stream(question, stream_mode=["messages", "values"]):
        final = state
    said = [message for message in final["messages"] if message.type == "ai"]
    thoughts = [block for message in said for block in message.content_blocks]
    task.thinking = "".join(b["reasoning"] for b in thoughts if b["type"] == "reasoning")
    task.text = said[-1].text


def openai(task: Task, **settings: Any) -> ChatOpenAI:
    url = f"{task.base_url}/v1"
    return ChatOpenAI(
        model=task.model, base_url=url, api_key=task.key, streaming=True, max_retries=0, **settings
    )


def chat_completions(task: Task) -> None:
    run(task, openai(task, use_responses_api=False, reasoning_effort="medium"))


def responses(task: Task) -> None:
    model = openai(
        task,
        use_responses_api=True,
        reasoning={"effort": "medium", "summary": "auto"},
        include=["reasoning.encrypted_content"],
        store=task.stored,
        use_previous_response_id=task.stored,
    )
    run(task, model)


def messages(task: Task) -> None:
    model = ChatAnthropic(
        model=task.model,
        base_url=task.base_url,
        api_key=task.key,
        max_tokens=8000,
        thinking={"type": "enabled", "budget_tokens": 2048},
        streaming=True,
        max_retries=0,
    )
    run(task, model)


main(
    {"chat_completions": chat_completions, "responses": responses, "messages": messages},
    "langchain",
    "langchain-openai",
    "langchain-anthropic",
)
