"""``python -m localcloud scheduler``."""

import argparse
import asyncio
import logging
import os
from pathlib import Path

from localcloud.identity import Identity
from localcloud.scheduler.app import build
from localcloud.scheduler.jobs import BadConfig, load
from localcloud.serving import serve

_log = logging.getLogger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="JSON file with the jobs")
    parser.add_argument("--port", type=int, default=0, help="control port on 127.0.0.1 (default: any free one)")


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        jobs = load(arguments.config)
    except BadConfig as exc:
        _log.error("%s", exc)
        return 2
    asyncio.run(serve({arguments.port: build(jobs, Identity.from_env(os.environ))}))
    return 0
