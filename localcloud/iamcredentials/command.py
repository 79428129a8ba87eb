"""``python -m localcloud iamcredentials``: shares the metadata server's folder of keys."""

import argparse
import asyncio
import time
from pathlib import Path

from localcloud.iamcredentials.app import Signer, iamcredentials_app
from localcloud.metadata.keys import ACCOUNTS, GOOGLE, SigningKey
from localcloud.metadata.tokens import Mint
from localcloud.serving import serve


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state-dir", type=Path, required=True, help="the metadata server's folder of keys")


def run(args: argparse.Namespace) -> int:
    mint = Mint(SigningKey.kept_in(args.state_dir, GOOGLE), time.time)
    signer = Signer(mint, SigningKey.kept_in(args.state_dir, ACCOUNTS))
    asyncio.run(serve({args.port: iamcredentials_app(signer)}))
    return 0
