"""The running stand-in: both services over one shared state, on a REST and a gRPC port."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.serving import LOOPBACK, serve
from localcloud.workflows import rest, rpc
from localcloud.workflows.deployments import Deployments
from localcloud.workflows.execution import Remembered
from localcloud.workflows.executions import AT_ONCE, Executions
from localcloud.workflows.hostmap import HostMap, emulated
from localcloud.workflows.identity import identity_from
from localcloud.workflows.runtime import HttpClient, LocalRuntime

logger = logging.getLogger(__name__)

_GRACE_S = 0.5
_OWN_ORIGINS = ("https://workflows.googleapis.com", "https://workflowexecutions.googleapis.com")


@dataclass(frozen=True, slots=True)
class Options:
    rest_port: int
    grpc_port: int
    host_map: Mapping[str, str]
    state_dir: Path | None
    at_once: int = AT_ONCE


def run(options: Options) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_serve(options))
    return 0


async def _serve(options: Options) -> None:
    origin = f"http://{LOOPBACK}:{options.rest_port}"
    hosts = HostMap({**dict.fromkeys(_OWN_ORIGINS, origin), **emulated(os.environ), **options.host_map})
    client = HttpClient(hosts, identity_from(os.environ.get("GCE_METADATA_HOST", "")))
    deployments = Deployments(time.time, options.state_dir)
    remembered = Remembered(options.state_dir / "running" if options.state_dir else None)
    executions = Executions(
        deployments, LocalRuntime(client), time.time, origin, at_once=options.at_once, remembered=remembered
    )
    if len(deployments):
        logger.info("%d workflows are deployed", len(deployments))
    for name in remembered.lost:
        logger.warning("%s was running when the last stand-in ended, and is gone (Google's would go on)", name)
    grpc_server, _ = rpc.server(options.grpc_port, deployments, executions)
    await grpc_server.start()
    try:
        await serve({options.rest_port: rest.application(deployments, executions)})
    finally:
        await executions.close()
        await grpc_server.stop(_GRACE_S)
        await client.close()
