"""The loop of every stand-in that delivers: send what is due, sleep until something else is, or until told of a change.

What is due, and what follows from an answer, is each stand-in's own business and must not enter here.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any


class Dispatching(ABC):
    def __init__(self) -> None:
        self._sending: set[asyncio.Task[object]] = set()
        self._changed = asyncio.Event()

    @abstractmethod
    def send_due(self) -> float | None:
        """Send everything that may go now; seconds until something more may go (None: only after a change)."""

    def wake(self) -> None:
        """Something changed that may open or shorten the wait."""
        self._changed.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way then is dropped, and repeated by the next start."""
        try:
            while True:
                self._changed.clear()
                try:
                    async with asyncio.timeout(self.send_due()):
                        await self._changed.wait()
                except TimeoutError:
                    continue
        finally:
            self._drop_all()
            await asyncio.gather(*self._sending, return_exceptions=True)

    def _spawn(self, work: Coroutine[Any, Any, object]) -> None:
        sending = asyncio.create_task(work)
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    def _drop_all(self) -> None:
        for sending in self._sending:
            sending.cancel()
