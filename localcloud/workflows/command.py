"""``python -m localcloud workflows``: the stand-in on a REST and a gRPC port."""

import argparse
import asyncio
import logging
import os
import sys
import time
from pathlib import Path

from localcloud.serving import serve
from localcloud.workflows import rest, rpc
from localcloud.workflows.catalogue import Catalogue
from localcloud.workflows.client import HttpClient
from localcloud.workflows.executions import Executions
from localcloud.workflows.hostmap import HostMap
from localcloud.workflows.identity import Identity, MetadataIdentity, OwnIdentity
from localcloud.workflows.world import RealWorld

logger = logging.getLogger(__name__)

_GRACE_S = 0.5
_OWN_EMAIL = "workflows@local.iam.gserviceaccount.com"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rest-port", type=int, required=True, metavar="P")
    parser.add_argument("--grpc-port", type=int, required=True, metavar="P")
    parser.add_argument("--host-map", type=Path, metavar="FILE", help="JSON object of origin to origin")
    parser.add_argument("--state-dir", type=Path, metavar="DIR", help="keep deployed workflows here")


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_serve(arguments))
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    hosts = HostMap.from_file(arguments.host_map) if arguments.host_map else HostMap({})
    client = HttpClient(hosts, identity_from(os.environ.get("GCE_METADATA_HOST", "")))
    catalogue = Catalogue(time.time, arguments.state_dir)
    executions = Executions(catalogue, RealWorld(client), time.time)
    if len(catalogue):
        logger.info("%d workflows are deployed; executions of the earlier run are gone", len(catalogue))
    grpc_server, _ = rpc.server(arguments.grpc_port, catalogue, executions)
    await grpc_server.start()
    try:
        await serve({arguments.rest_port: rest.application(catalogue, executions)})
    finally:
        await executions.close()
        await grpc_server.stop(_GRACE_S)
        await client.close()


def identity_from(metadata_host: str) -> Identity:
    return MetadataIdentity(metadata_host) if metadata_host else OwnIdentity(_OWN_EMAIL)
