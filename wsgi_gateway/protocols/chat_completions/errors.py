"""Errors of Chat Completions: OpenAI's common form."""

from wsgi_gateway.protocols.openai_errors import error_body, read_error

__all__ = ["error_body", "read_error"]
