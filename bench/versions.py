"""What was measured on: versions of everything that takes part, and the processor. No names of machines or users.

Here: what goes into the page and the raw JSON beside the figures.
"""

import json
import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from bench.processes import NGINX

PEERS = Path(__file__).parent / "peers"
OWN_PACKAGES = ("wsgi-gateway", "flask", "gevent", "gunicorn", "httptools", "msgspec", "requests")


def versions() -> dict[str, str]:
    """Name and version, of what is there."""
    litellm = (PEERS / "litellm.txt").read_text().strip().partition("==")[2]
    portkey = json.loads((PEERS / "package.json").read_text())["dependencies"]
    return {
        "CPU": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        **{name: metadata.version(name) for name in OWN_PACKAGES},
        "nginx": _printed(NGINX, "-v"),
        "wrk": _printed("wrk", "-v"),
        "LiteLLM": litellm,
        "Portkey": portkey["@portkey-ai/gateway"],
        "Node.js": _printed("node", "--version"),
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return " ".join(found[1].split()) if found else platform.machine()


def _printed(*command: str) -> str:
    """The version that a program prints, wherever it prints it."""
    try:
        run = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "not installed"
    found = re.search(r"\d+\.\d+(\.\d+)?", run.stdout + run.stderr)
    return found[0] if found else "unknown"
