"""What an execution did, step by step: the API's step entries."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from localcloud.workflows.faults import Failure
from localcloud.workflows.program.frames import Frame

ENTRIES_KEPT = 10_000  # ours: a loop that polls for hours must not fill the memory

UNSHOWN = ""
"""The kind of what only groups steps: the API has no type for it."""


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

    def begin(self, frame: Frame, step: str, kind: str, number: int = 0) -> Entry | None:  # noqa: ARG002 - for heirs
        """The entry of a step that starts; None once the journal is full. ``number``: which part of its step."""
        if len(self.entries) >= ENTRIES_KEPT:
            return None
        entry = Entry(len(self.entries) + 1, frame, step, kind, self._now_s())
        self.entries.append(entry)
        return entry

    def end(self, entry: Entry, state: str, exception: Failure | None = None) -> None:
        entry.state = state
        entry.ended_s = self._now_s()
        entry.exception = exception

    @contextmanager
    def part(self, frame: Frame, kind: str, number: int = 0) -> Iterator[None]:
        """An entry for one part of the running step: an attempt, a case. What begins inside it belongs to it."""
        entry = self.begin(frame, frame.step.name if frame.step else "", kind, number)
        try:
            yield
        except Failure as failure:
            if entry is not None:
                self.end(entry, "STATE_FAILED", failure)
            raise
        if entry is not None:
            self.end(entry, "STATE_SUCCEEDED")

    def expect(self, frame: Frame, rounds: int) -> None:
        """So many rounds, branches or retries the running step can have."""

    def cancel(self) -> None:
        """The execution was cancelled: so was every step in progress."""
        for entry in self.entries:
            if entry.state == "STATE_IN_PROGRESS":
                self.end(entry, "STATE_CANCELLED")
