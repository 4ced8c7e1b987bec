"""The upstream: nginx with canned answers, so cheap that it is never what is measured.

Here: its files and its config. `/100/v1/messages` is the Messages stream of 100 events, `/json/v1/...` the full reply,
`/slow/100/v1/...` the stream at a few kilobytes a second, `/busy/...` a 503. Other streams are sent at once, in chunks
as large as nginx makes them. Not here: what the answers say (replies.py).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from bench.cases import APIS, EVENTS, PATHS, size_name
from bench.processes import LOAD_CORE, NGINX, Server, free_port
from bench.replies import REPLIES, words

COMMON = """
worker_processes 1;
pid nginx.pid;
daemon off;
master_process off;
error_log stderr crit;
events { worker_connections 8192; }
"""
HTTP = """
    access_log off;
    keepalive_requests 1000000000;
    client_max_body_size 64m;
    client_body_buffer_size 2m;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
"""
# A static file answers no POST, but it can be the page of the error that says so. What the empty addition does is
# that the length is unknown before: so streams are chunked, as the vendors' are.
CONFIG = """%s
http {%s
    open_file_cache max=100;
    server {
        listen 127.0.0.1:%d backlog=4096;
        root %s;
        location /json/ { default_type application/json; error_page 405 =200 $uri; }
        location /busy/ { return 503; }
        location /slow/ {
            alias %s/;
            default_type text/event-stream;
            error_page 405 =200 $uri;
            limit_rate 4k;
        }
        location / {
            default_type text/event-stream;
            error_page 405 =200 $uri;
            add_after_body /nothing;
            addition_types text/event-stream;
        }
    }
}
"""


def start(folder: Path, more: Mapping[str, bytes] = MappingProxyType({})) -> Server:
    """Writes the answers, ``more`` by their paths too, and serves them beside the load."""
    files = folder / "answers"
    for api in APIS:
        for events in (0, *EVENTS):
            file = files / size_name(events) / PATHS[api].lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            reply = REPLIES[api](f"{api}-{size_name(events)}")
            if events:
                file.write_bytes(reply.stream(words(events)))
            else:
                file.write_text(json.dumps(reply.full("".join(words(60)))))
    for path, data in more.items():
        file = files / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    (files / "nothing").touch()
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(CONFIG % (COMMON, HTTP, port, files, files))
    return Server([NGINX, "-p", str(folder), "-c", str(config)], port, folder, LOAD_CORE)
