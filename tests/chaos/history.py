"""Everything that happened in a run, in order, with seconds since its begin: in a file, and its tail on the screen."""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

TAIL_LINES = 40


@dataclass(slots=True)
class History:
    """Many threads write here; each line is in the file before the next event can happen to its writer."""

    path: Path
    begun_s: float = field(default_factory=time.monotonic)
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, about: str) -> None:
        """One event: what sort of event it is, and the event."""
        line = f"{time.monotonic() - self.begun_s:9.3f} s  {what:8} {about}"
        with self._lock, self.path.open("a") as file:
            file.write(line + "\n")
            self._tail.append(line)

    def tail(self) -> str:
        with self._lock:
            return "\n".join(self._tail)
