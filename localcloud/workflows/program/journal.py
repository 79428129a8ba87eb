"""What an execution did, step by step: the API's step entries."""

from collections.abc import Callable

from localcloud.workflows.faults import Failure
from localcloud.workflows.program.frames import Frame

ENTRIES_KEPT = 10_000  # ours: a loop that polls for hours must not fill the memory


class Entry:
    __slots__ = ("began_s", "ended_s", "exception", "id", "kind", "routine", "state", "step", "thread")

    def __init__(self, id_: int, frame: Frame, step: str, kind: str, began_s: float) -> None:
        self.id = id_
        self.step = step
        self.routine = frame.routine
        self.thread = frame.thread
        self.kind = kind
        self.state = "STATE_IN_PROGRESS"
        self.began_s = began_s
        self.ended_s = began_s
        self.exception: Failure | None = None


class Journal:
    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.entries: list[Entry] = []

    def begin(self, frame: Frame, step: str, kind: str) -> Entry | None:
        """The entry of a step that starts; None once the journal is full."""
        if len(self.entries) >= ENTRIES_KEPT:
            return None
        entry = Entry(len(self.entries) + 1, frame, step, kind, self._now_s())
        self.entries.append(entry)
        return entry

    def end(self, entry: Entry, state: str, exception: Failure | None = None) -> None:
        entry.state = state
        entry.ended_s = self._now_s()
        entry.exception = exception

    def cancel(self) -> None:
        """The execution was cancelled: so was every step in progress."""
        for entry in self.entries:
            if entry.state == "STATE_IN_PROGRESS":
                self.end(entry, "STATE_CANCELLED")
