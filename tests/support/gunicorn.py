"""gunicorn as a deployment runs it: by its own command, with the settings in the repository.

Here: the command, its environment, and all settings as gunicorn reads them. Not here: the server they make.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi_gateway.wsgi:app"]
_CONFIG = ROOT / "etc" / "config_mock_llm.yaml"


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "WSGI_GATEWAY_CONFIG": str(_CONFIG),
        **more,
    }


def settings_of(environ: Mapping[str, str]) -> dict[str, str]:
    """All settings as gunicorn prints them."""
    done = subprocess.run(
        [*COMMAND, "--print-config"],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    pairs = (line.partition("=") for line in done.stdout.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
