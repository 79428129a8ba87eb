"""``python -m localcloud vertex``: where the stand-in's parts are put together."""

import argparse
import asyncio
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from localcloud.serving import serve
from localcloud.vertex import profile
from localcloud.vertex.app import build
from localcloud.vertex.standin import Standin
from localcloud.vertex.storage import Storage
from localcloud.vertex.store import Store


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--profile", type=Path, help="JSON: time_scale, latency_s, quota_per_min, seed")
    parser.add_argument(
        "--state-dir", type=Path, help="keep operations and ledger here, so that a restart loses nothing"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    first_profile = profile.read(json.loads(arguments.profile.read_text()) if arguments.profile else {})
    with ExitStack() as until_the_end:
        folder = arguments.state_dir or Path(
            until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="localcloud-vertex-"))
        )
        store = Store(folder)
        until_the_end.callback(store.close)
        workers = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="render")
        until_the_end.callback(workers.shutdown, wait=True, cancel_futures=True)
        storage = Storage(os.environ.get("STORAGE_EMULATOR_HOST", ""))
        asyncio.run(serve({arguments.port: build(Standin(store, storage, workers, first_profile))}))
    return 0
