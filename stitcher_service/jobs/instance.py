"""What this process may do right now: one render at a time, and none while it is stopping.

Cloud Run ends an instance with SIGTERM and ten seconds. The render in progress is cancelled, its lease released and its
caller asked to repeat the request; whatever that leaves undone, the next attempt finds.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from promptreel.errors import Transient
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg


class Instance:
    """One per process; tests make their own."""

    def __init__(self) -> None:
        self._render_lock = threading.Lock()
        self._stopping = threading.Event()
        self._runner: Runner | None = None

    @contextmanager
    def render(self) -> Iterator[Runner | None]:
        """The runner for one render; None while another render is in progress here.

        Raises: Transient in place of whatever the render ended with, once the instance is stopping.
        """
        if not self._render_lock.acquire(blocking=False):
            yield None
            return
        try:
            self._runner = runner = Runner(find_ffmpeg())
            if self._stopping.is_set():
                runner.cancel()
            yield runner
        except Exception as error:
            if not self._stopping.is_set():
                raise
            raise Transient(
                "The stitcher is being shut down; the render was cancelled.", code="shutting_down"
            ) from error
        finally:
            self._runner = None
            self._render_lock.release()

    def stop(self) -> None:
        """Cancel the render in progress and refuse new ones."""
        self._stopping.set()
        if runner := self._runner:
            runner.cancel()

    def stop_on_sigterm(self) -> None:
        """Stop before the web server does what it does on SIGTERM; call it in the main thread."""
        server_handler = signal.getsignal(signal.SIGTERM)

        def stop(number: int, frame: FrameType | None) -> None:
            # A thread of its own: the runner's lock may be held by the very code that the signal interrupts.
            threading.Thread(target=self.stop, name="stop", daemon=True).start()
            if callable(server_handler):
                server_handler(number, frame)

        signal.signal(signal.SIGTERM, stop)
