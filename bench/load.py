"""Load: so many checked requests one after the other, or wrk for so many seconds.

Here: what is sent, and whether a gateway's answer is whole. Not here: what it costs (costs.py).
"""

import http.client
import json
import subprocess
import tempfile
from pathlib import Path

from bench.cases import Case
from bench.gateways import Gateway
from bench.processes import LOAD_CORE
from bench.replies import ENDS, LAST_WORD

CONNECTIONS = 8
SCRIPT = """
wrk.method = "POST"
wrk.path = %s
%s
local file = io.open(%s, "rb")
wrk.body = file:read("*a")
file:close()
function done(summary, latency, requests)
  local e = summary.errors
  print("bench " .. summary.requests .. " " .. e.status + e.connect + e.read + e.write + e.timeout)
end
"""


def send(gateway: Gateway, case: Case, count: int) -> int:
    """So many requests over one connection; returns the count. Raises RuntimeError with what an answer lacks."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.server.port, timeout=60)
    path, headers, body = gateway.request(case)
    try:
        for _ in range(count):
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            _judge(case, answer.status, answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise RuntimeError(f"no answer: {error!r}") from error
    finally:
        connection.close()
    return count


def _judge(case: Case, status: int, body: bytes) -> None:
    whole = not case.events or ENDS[case.client] in body
    if status != 200 or not whole or LAST_WORD.strip().encode() not in body:
        raise RuntimeError(f"{status}: {body[:200].decode(errors='replace')}")


def wrk(gateway: Gateway, case: Case, seconds: int, connections: int = CONNECTIONS) -> int:
    """Load over so many connections; returns the number of answers. Raises RuntimeError if one failed.

    What is not answered after that time is cut off, and does not count.
    """
    path, headers, body = gateway.request(case)
    with tempfile.TemporaryDirectory(prefix="wsgi-gateway-wrk-") as name:
        file, script = Path(name) / "body", Path(name) / "script.lua"
        file.write_bytes(body)
        lines = (f"wrk.headers[{json.dumps(k)}] = {json.dumps(v)}" for k, v in headers.items())
        script.write_text(SCRIPT % (json.dumps(path), "\n".join(lines), json.dumps(str(file))))
        command = ["taskset", "-c", str(LOAD_CORE), "wrk", "-t1", f"-c{connections}"]
        command += [f"-d{seconds}s", "--timeout", "600s", "-s", str(script)]
        command.append(f"http://127.0.0.1:{gateway.server.port}")
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (line,) = (line for line in output.splitlines() if line.startswith("bench "))
    _, requests, errors = line.split()
    if int(float(errors)):
        raise RuntimeError(f"{errors} of {requests} requests failed under load")
    return int(float(requests))
