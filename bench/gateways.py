"""What is measured: plain nginx as a proxy, this gateway, LiteLLM and Portkey.

Here: how each is configured (as its documentation recommends for production, one worker) and asked. Not here: the
running of processes (processes.py). Peers that `make bench` could not install are left out, and that is said.
"""

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.asks import ask
from bench.canned_upstream import COMMON, HTTP
from bench.cases import APIS, EVENTS, PATHS, Case, size_name
from bench.processes import NGINX, Server, free_port

PEERS = Path(__file__).parents[1] / ".cache" / "bench"
LITELLM = PEERS / "litellm" / "bin" / "litellm"
PORTKEY = PEERS / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"

NGINX_CONFIG = """%s
http {%s
    upstream model { server 127.0.0.1:%d; keepalive 64; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:%d backlog=4096;
        location / {
            proxy_pass http://model;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
        }
    }
}
"""


@dataclass(frozen=True)
class Gateway:
    """A server that takes cases; `headers` are what it wants beside the body."""

    name: str
    server: Server
    path: Callable[[Case], str]
    headers: Callable[[Case], dict[str, str]] = field(default=lambda _: {})
    slow: bool = False
    """Sent a few requests instead of seconds of load: it would not answer enough to count."""

    def request(self, case: Case) -> tuple[str, dict[str, str], bytes]:
        """Path, headers and body."""
        keys = {"content-type": "application/json", "authorization": "Bearer sk-bench"}
        if case.client == "messages":
            keys["anthropic-version"] = "2023-06-01"
        return self.path(case), keys | self.headers(case), ask(case)


def nginx(folder: Path, upstream: int) -> Gateway:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX_CONFIG % (COMMON, HTTP, upstream, port))
    server = Server([NGINX, "-p", str(folder), "-c", str(config)], port, folder)
    return Gateway("nginx", server, _upstream_path)


def direct(upstream: Server) -> Gateway:
    """No gateway: the upstream itself, for what a gateway adds."""
    return Gateway("direct", upstream, _upstream_path)


def _upstream_path(case: Case) -> str:
    return f"/{size_name(case.events)}{PATHS[case.client]}"


def ours(
    folder: Path,
    upstream: int,
    sizes: Sequence[int] = (0, *EVENTS),
    environ: dict[str, str] | None = None,
) -> Gateway:
    """With a model per API and number of events that the upstream has answers for."""
    port = free_port()
    providers = [
        {
            "model": f"canned/{api}-{size_name(events)}",
            "base_url": f"http://127.0.0.1:{upstream}/{size_name(events)}/v1",
            "access_key": "sk-canned",
            "upstream_apis": [api],
        }
        for api in APIS
        for events in sizes
    ]
    config = folder / "config.json"  # JSON is YAML
    config.write_text(json.dumps({"model_providers": providers}))
    command = [sys.executable, "-m", "wsgi_gateway", "serve", "--config", str(config)]
    environ = {"PYTHONPATH": str(Path(__file__).parents[1]), **(environ or {})}
    server = Server([*command, "--port", str(port)], port, folder, environ=environ)
    return Gateway("ours", server, lambda case: PATHS[case.client])


def litellm(folder: Path, upstream: int) -> Gateway:
    """One worker, no database, no logs; hosted_vllm is its name for an upstream that speaks Chat only."""
    if not LITELLM.exists():
        raise RuntimeError("not installed")
    models = []
    for events in (0, *EVENTS):
        size = size_name(events)
        parameters = {
            "model": f"hosted_vllm/chat_completions-{size}",
            "api_base": f"http://127.0.0.1:{upstream}/{size}/v1",
            "api_key": "sk-canned",
        }
        models.append({"model_name": f"chat_completions-{size}", "litellm_params": parameters})
    settings = {"set_verbose": False, "telemetry": False, "request_timeout": 600}
    config = folder / "config.yaml"
    config.write_text(json.dumps({"model_list": models, "litellm_settings": settings}))
    port = free_port()
    command = [str(LITELLM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    environ = {
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        # Without a key it has the least to do.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",
    }
    command += ["--num_workers", "1", "--telemetry", "False"]
    server = Server(command, port, folder, environ=environ)
    return Gateway("LiteLLM", server, lambda case: PATHS[case.client], slow=True)


def portkey(folder: Path, upstream: int) -> Gateway:
    node = shutil.which("node")
    if not node or not PORTKEY.exists():
        raise RuntimeError("not installed (it needs npm)")
    port = free_port()
    command = [node, str(PORTKEY), f"--port={port}", "--headless"]
    server = Server(command, port, folder, environ={"NODE_ENV": "production"})

    def headers(case: Case) -> dict[str, str]:
        host = f"http://127.0.0.1:{upstream}/{size_name(case.events)}/v1"
        return {"x-portkey-provider": "openai", "x-portkey-custom-host": host}

    return Gateway("Portkey", server, lambda case: PATHS[case.client], headers, slow=True)


GATEWAYS: dict[str, Callable[[Path, int], Gateway]] = {
    "nginx": nginx,
    "ours": ours,
    "LiteLLM": litellm,
    "Portkey": portkey,
}
