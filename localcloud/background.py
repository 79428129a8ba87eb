"""Work that goes on behind an app's requests: started with it, stopped with it, and never dead in silence."""

import asyncio
import logging
import os
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

_log = logging.getLogger(__name__)


@asynccontextmanager
async def background(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run the works beside the block; one that fails ends the whole process, so that its supervisor sees it."""
    running = [asyncio.create_task(work) for work in works]
    for work in running:
        work.add_done_callback(_fail_loudly)
    try:
        yield
    finally:
        for work in running:
            work.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _fail_loudly(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (failure := work.exception()) is not None:
        _log.critical("action=background outcome=died", exc_info=failure)
        os.kill(os.getpid(), signal.SIGTERM)
