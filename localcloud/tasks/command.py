"""``python -m localcloud tasks``."""

import argparse
import asyncio
import logging
import os
from pathlib import Path

from localcloud.identity import Identity
from localcloud.serving import serve
from localcloud.tasks.app import build


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="REST port on 127.0.0.1")
    parser.add_argument("--grpc-port", type=int, help="gRPC port on 127.0.0.1; without it REST only")
    parser.add_argument(
        "--state-dir", type=Path, help="keep queues and tasks here; without it they die with the process"
    )


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    app = build(arguments.state_dir, Identity.from_env(os.environ), grpc_port=arguments.grpc_port)
    asyncio.run(serve({arguments.port: app}))
    return 0
