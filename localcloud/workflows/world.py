"""The real world around executions: the machine's clock, random ids, the network and a log on stderr."""

import asyncio
import logging
import time
import uuid

from localcloud.workflows.client import HttpClient
from localcloud.workflows.values import Value, to_json

logger = logging.getLogger(__name__)


class LocalRuntime:
    """See `localcloud.workflows.program.frames.World`."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    def now_s(self) -> float:
        return time.time()

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)

    def new_uuid(self) -> str:
        return str(uuid.uuid4())

    async def send(self, request: dict[str, Value]) -> Value:
        return await self._client.send(request)

    def log(self, entry: dict[str, Value]) -> None:
        logger.info("%s", to_json(entry))
