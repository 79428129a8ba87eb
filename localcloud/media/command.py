"""``python -m localcloud media``: in front of fake-gcs-server."""

import argparse
import asyncio
from datetime import UTC, datetime

import httpx

from localcloud.media.app import MediaBackend, media_app
from localcloud.serving import serve


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--backend", required=True, help="origin of the object store")
    parser.add_argument("--certs-url", required=True, help="certificates of accounts, at CERTS_URL/E-MAIL")


def run(args: argparse.Namespace) -> int:
    asyncio.run(_serve(args.port, args.backend, args.certs_url))
    return 0


async def _serve(port: int, backend: str, certs_url: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        await serve({port: media_app(MediaBackend(backend, certs_url, client, lambda: datetime.now(UTC)))})
