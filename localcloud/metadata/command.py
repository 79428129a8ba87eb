"""``python -m localcloud metadata``: one listener per service account, all signing with one key."""

import argparse
import asyncio
import json
import time
from pathlib import Path

from localcloud.metadata.app import Identity, metadata_app
from localcloud.metadata.keys import GOOGLE, SigningKey
from localcloud.metadata.tokens import Mint
from localcloud.serving import serve


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, required=True, help="the main listener")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the signing keys")
    parser.add_argument("--identities", type=Path, help='JSON: {"listeners": {"PORT": "account e-mail"}}')
    parser.add_argument("--project", default="local", help="project id (default: local)")


def run(args: argparse.Namespace) -> int:
    mint = Mint(SigningKey.kept_in(args.state_dir, GOOGLE), time.time)
    accounts = {args.port: f"default@{args.project}.iam.gserviceaccount.com"}
    if args.identities:
        listeners = json.loads(args.identities.read_text())["listeners"]
        accounts |= {int(port): account for port, account in listeners.items()}
    asyncio.run(serve({port: metadata_app(Identity(args.project, email, mint)) for port, email in accounts.items()}))
    return 0
