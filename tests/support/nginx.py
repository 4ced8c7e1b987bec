"""nginx from Debian with etc/nginx.conf, as a real process.

Here: our config, but for its ports and the gateways behind it. Not here: what is asked of it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.gateway import free_port
from support.until import until

CONFIG = Path(__file__).parents[2] / "etc" / "nginx.conf"
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
NEEDS_NGINX = pytest.mark.skipif(NGINX is None, reason="nginx is not installed: make nginx")
_PATIENCE = 60.0


@contextmanager
def nginx_before(gateways: Sequence[int], folder: Path, fail_timeout: str = "5s") -> Iterator[str]:
    """The base URL of nginx in front of gateways on these ports of this machine."""
    assert NGINX
    port = free_port()
    text = CONFIG.read_text()
    options = " max_fails=2 fail_timeout=5s;"
    here = options.replace("5s", fail_timeout)
    servers = [f"server 127.0.0.1:{gateway}{here}" for gateway in gateways]
    for ours, changed in (
        (f"server 127.0.0.1:12000{options}", "\n".join(servers)),
        ("listen 8080;", f"listen 127.0.0.1:{port};"),
    ):
        assert ours in text
        text = text.replace(ours, changed)
    config = folder / "nginx.conf"
    config.write_text(text)
    # root's nginx would work as a user that may not enter pytest's folders
    directives = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    command = [NGINX, "-p", str(folder), "-c", str(config), "-g", directives]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)

    def listens() -> bool:
        assert process.poll() is None, (folder / "output.txt").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(_PATIENCE)
