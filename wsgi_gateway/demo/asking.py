"""One streamed answer through each client API, with the official SDKs.

Here: what an application would write. Not here: what is asked, and how the demo shows it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import anthropic
import openai

API_KEY = "any-key"
"""The demo's gateway asks for none, but the SDKs want to send one."""


@dataclass
class Answer:
    """What is known of a streamed answer when its text has been read."""

    started: float = field(default_factory=time.monotonic)
    first_text: float = 0.0
    """Seconds from the request to the first text."""
    total: float = 0.0
    """Seconds from the request to the end."""
    input_tokens: int = 0
    output_tokens: int = 0
    provider: str = ""
    """The config entry that answered, as the gateway's reply names it."""

    def mark(self, text: str) -> str:
        """Note the time of the first text; returns the text."""
        if text and not self.first_text:
            self.first_text = time.monotonic() - self.started
        return text

    def finish(self, input_tokens: int, output_tokens: int) -> None:
        self.total = time.monotonic() - self.started
        self.input_tokens, self.output_tokens = input_tokens, output_tokens


Asker = Callable[[str, str, str, int, Answer], Iterator[str]]
"""(base URL, model, prompt, output tokens at most, answer to fill in) -> text as it arrives."""


def ask_chat_completions(
    base_url: str, model: str, prompt: str, limit: int, answer: Answer
) -> Iterator[str]:
    client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=API_KEY, max_retries=0)
    with client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        max_completion_tokens=limit,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        answer.provider = stream.response.headers["x-gateway-provider"]
        for chunk in stream:
            for choice in chunk.choices:
                yield answer.mark(choice.delta.content or "")
            if chunk.usage:
                answer.finish(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)


def ask_messages(
    base_url: str, model: str, prompt: str, limit: int, answer: Answer
) -> Iterator[str]:
    client = anthropic.Anthropic(base_url=base_url, api_key=API_KEY, max_retries=0)
    with client.messages.stream(
        model=model, messages=[{"role": "user", "content": prompt}], max_tokens=limit
    ) as stream:
        answer.provider = stream.response.headers["x-gateway-provider"]
        for text in stream.text_stream:
            yield answer.mark(text)
        usage = stream.get_final_message().usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        answer.finish(usage.input_tokens + cached, usage.output_tokens)


def ask_responses(
    base_url: str, model: str, prompt: str, limit: int, answer: Answer
) -> Iterator[str]:
    client = openai.OpenAI(base_url=f"{base_url}/v1", api_key=API_KEY, max_retries=0)
    with client.responses.create(
        model=model, input=prompt, max_output_tokens=limit, stream=True
    ) as stream:
        answer.provider = stream.response.headers["x-gateway-provider"]
        for event in stream:
            if event.type == "response.output_text.delta":
                yield answer.mark(event.delta)
            elif event.type in ("response.completed", "response.incomplete"):
                usage = event.response.usage
                answer.finish(*(usage.input_tokens, usage.output_tokens) if usage else (0, 0))


ASKERS: dict[str, tuple[str, Asker]] = {
    "chat_completions": ("openai", ask_chat_completions),
    "messages": ("anthropic", ask_messages),
    "responses": ("openai", ask_responses),
}
"""Client API -> the SDK's name, and how it asks."""
