"""OpenTelemetry's words for models: the GenAI semantic conventions' names of providers and operations.

Source: github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai and model/gen-ai/registry.yaml (status:
development), read in 2026.
"""

_PROVIDERS = {
    "amazon_bedrock": "aws.bedrock",
    "azure_openai": "azure.ai.openai",
    "chatgpt": "openai",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
}


def provider_name(kind: str) -> str:
    """``gen_ai.provider.name`` for a row of the table of known providers: its own word where there is no other."""
    return _PROVIDERS.get(kind, kind)


def operation_name(method: str) -> str:
    """``gen_ai.operation.name`` of what a request asked for (record.Method)."""
    return "chat" if method == "reply" else method
