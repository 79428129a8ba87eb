"""``python -m localcloud eventarc``.

Start the object store with ``PUBSUB_EMULATOR_HOST=127.0.0.1:P2`` and ``-event.pubsub-project-id P
-event.pubsub-topic T -event.list finalize`` (any P and T), where P2 is ``--pubsub-port`` here.
"""

import argparse
import asyncio
import logging
import os
from pathlib import Path

from localcloud.eventarc.app import build
from localcloud.eventarc.triggers import BadConfig, load
from localcloud.identity import Identity
from localcloud.serving import serve

_log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="control port on 127.0.0.1")
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the triggers")
    parser.add_argument("--pubsub-port", type=int, help="where the object store publishes its changes (gRPC)")
    parser.add_argument("--state-dir", type=Path, help="keep owed events here; without it they die with the process")


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        config = load(arguments.config)
    except BadConfig as exc:
        _log.error("%s", exc)
        return 2
    app = build(
        config,
        arguments.state_dir,
        Identity.from_env(os.environ),
        pubsub_port=arguments.pubsub_port,
        storage=os.environ.get("STORAGE_EMULATOR_HOST", ""),
    )
    asyncio.run(serve({arguments.port: app}))
    return 0
