"""``python -m localcloud gate``: one process, a listener per service."""

import argparse
import asyncio
import logging
from pathlib import Path

from localcloud.gate.app import gate_app
from localcloud.gate.config import GateConfig
from localcloud.gate.entry import Certificates
from localcloud.gate.proxy import backend_client
from localcloud.serving import serve


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, help="JSON: certs_url and services")


def run(args: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_serve(GateConfig.read(args.config)))
    return 0


async def _serve(config: GateConfig) -> None:
    async with backend_client() as client:
        certificates = Certificates(config.certs_url, client)
        await serve({service.port: gate_app(service, certificates, client) for service in config.services})
