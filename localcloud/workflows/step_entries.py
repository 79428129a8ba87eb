"""Step entries of an execution: parents, neighbours, rounds, branches and call logs, as the API shows them.

A round of a loop, a branch or a handler is no step, so nothing announces it. It is known by its variables: the first
step in a scope that was opened by the step around it begins it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.workflows.callbacks import Callback
from localcloud.workflows.faults import Failure, Raised
from localcloud.workflows.program.frames import Frame, Runtime, Scope
from localcloud.workflows.program.journal import ENTRIES_KEPT, UNSHOWN, Entry, Journal
from localcloud.workflows.report import payload_of
from localcloud.workflows.resources import Resource, timestamp
from localcloud.workflows.values import Value, to_json

_GROUPS = {
    "STEP_FOR": "STEP_FOR_ITERATION",
    "STEP_PARALLEL_FOR": "STEP_FOR_ITERATION",
    "STEP_PARALLEL_BRANCH": "STEP_PARALLEL_BRANCH_ENTRY",
    "STEP_TRY_RETRY_EXCEPT": "STEP_EXCEPT",
}
_PROGRESS = {
    "STEP_FOR": "PROGRESS_TYPE_FOR",
    "STEP_PARALLEL_FOR": "PROGRESS_TYPE_PARALLEL_FOR",
    "STEP_PARALLEL_BRANCH": "PROGRESS_TYPE_PARALLEL_BRANCH",
}
_PARTS = {"STEP_CONDITION": "PROGRESS_TYPE_SWITCH", "STEP_RETRY": "PROGRESS_TYPE_RETRY"}
_GROUP_KINDS = frozenset(_GROUPS.values())
_CALLS = {"STEP_STD_LIB_CALL", "STEP_CONNECTOR_CALL", "STEP_SUBWORKFLOW_CALL"}


@dataclass(frozen=True, slots=True)
class Recording:
    """How much is kept and logged: the levels of the execution, or of its workflow."""

    call_log_level: str = ""
    detailed: bool = False  # variables and expected rounds, too

    @property
    def logs_calls(self) -> bool:
        return self.call_log_level == "LOG_ALL_CALLS"

    @property
    def logs_errors(self) -> bool:
        return self.call_log_level in ("LOG_ALL_CALLS", "LOG_ERRORS_ONLY")


NOTHING_SPECIAL = Recording()


class LinkedEntry(Entry):
    """An entry that knows its place: ids of other entries, 0 for none; ``round`` counts from 1 inside a loop.

    ``rounds`` is how many this very step can have, ``expected`` how many the progress it is part of.
    """

    __slots__ = (
        "children", "expected", "next", "parent", "previous", "progress", "round", "rounds", "scope", "variables",
    )  # fmt: skip

    def __init__(self, id_: int, frame: Frame, step: str, kind: str, began_s: float) -> None:
        super().__init__(id_, frame, step, kind, began_s)
        self.scope: Scope | None = frame.scope
        self.parent = self.previous = self.next = self.round = self.rounds = self.expected = 0
        self.children: list[int] = []
        self.progress = ""
        self.variables: Mapping[str, Value] | None = None

    @property
    def is_group(self) -> bool:
        """A round, branch or handler: it holds steps and is none."""
        return self.kind in _GROUP_KINDS


class StepEntries(Journal):
    def __init__(self, runtime: Runtime, execution_id: str, recording: Recording) -> None:
        super().__init__(runtime.now_s)
        self._runtime = runtime
        self._execution_id = execution_id
        self._recording = recording
        self._open: dict[int, list[LinkedEntry]] = {}  # by thread, innermost last
        self._roots: list[int] = []
        self._by_id: dict[int, LinkedEntry] = {}

    def begin(self, frame: Frame, step: str, kind: str, number: int = 0) -> Entry | None:
        if self._recording.logs_calls and kind in _CALLS:
            self._log("INFO", {"event": "begun", "call": kind, "step": step, "routine": frame.routine})
        if kind == UNSHOWN or len(self._by_id) >= ENTRIES_KEPT:
            return None
        around = self._around(frame)
        if around is not None and around.kind in _GROUPS and frame.scope.parent is around.scope:
            around = self._kept(_GROUPS[around.kind], around.step, frame, around)
        entry = self._kept(kind, step, frame, around)
        if kind in _PARTS:
            entry.progress, entry.round, entry.expected = _PARTS[kind], number, around.rounds if around else 0
        return entry

    def expect(self, frame: Frame, rounds: int) -> None:
        if self._recording.detailed and (open_ := self._open.get(frame.thread)):
            open_[-1].rounds = rounds
            open_[-1].expected = open_[-1].expected or rounds

    def end(self, entry: Entry, state: str, exception: Failure | None = None) -> None:
        super().end(entry, state, exception)
        if not isinstance(entry, LinkedEntry):
            return
        open_ = self._open.get(entry.thread, [])
        if entry in open_:
            for ended in open_[open_.index(entry) + 1 :]:
                self._close(ended)
            del open_[open_.index(entry) :]
        if "PARALLEL" in entry.kind:
            for thread in [thread for thread, stack in self._open.items() if stack and stack[0].parent == entry.id]:
                self._close(self._open.pop(thread)[0])
        if open_ and open_[-1].is_group:
            open_[-1].exception = exception  # a round went as its latest step did
        if self._recording.detailed and entry.scope is not None:
            entry.variables = _visible(entry.scope)
        entry.scope = None  # no step can begin in it any more
        self._log_end(entry, exception)

    def cancel(self) -> None:
        for entry in self.entries:
            if entry.state == "STATE_IN_PROGRESS":
                super().end(entry, "STATE_CANCELLED")

    def forget(self) -> None:
        """The history is deleted; what still runs stays."""
        self.entries = [entry for entry in self.entries if entry.state == "STATE_IN_PROGRESS"]

    def _around(self, frame: Frame) -> LinkedEntry | None:
        """The entry this step begins in. A round that is over says so only by the next one's new variables."""
        open_ = self._open.setdefault(frame.thread, [])
        if open_ and open_[-1].is_group and not _is_within(frame.scope, open_[-1].scope):
            self._close(open_.pop())
        if open_:
            return open_[-1]
        tops = [stack[-1] for stack in self._open.values() if stack]
        return next((top for top in tops if "PARALLEL" in top.kind and top.scope is frame.scope.parent), None)

    def _kept(self, kind: str, step: str, frame: Frame, around: LinkedEntry | None) -> LinkedEntry:
        entry = LinkedEntry(len(self._by_id) + 1, frame, step, kind, self._now_s())
        siblings = self._roots if around is None else around.children
        if around is not None:
            entry.parent, entry.progress, entry.round = around.id, around.progress, around.round
            entry.expected = around.expected if around.progress else 0
            if entry.is_group and around.kind in _PROGRESS:
                entry.progress, entry.round, entry.expected = _PROGRESS[around.kind], len(siblings) + 1, around.rounds
        if siblings:
            entry.previous = siblings[-1]
            self._by_id[siblings[-1]].next = entry.id
        siblings.append(entry.id)
        self._by_id[entry.id] = entry
        self.entries.append(entry)
        self._open.setdefault(frame.thread, []).append(entry)
        return entry

    def _close(self, group: LinkedEntry) -> None:
        if group.state == "STATE_IN_PROGRESS":
            super().end(group, "STATE_FAILED" if group.exception else "STATE_SUCCEEDED", group.exception)
        group.scope = None

    def _log_end(self, entry: LinkedEntry, exception: Failure | None) -> None:
        if entry.kind not in _CALLS or not (self._recording.logs_calls or (exception and self._recording.logs_errors)):
            return
        event = {"event": "returned", "call": entry.kind, "step": entry.step, "routine": entry.routine}
        if exception is not None:
            event |= {"event": "raised", "exception": payload_of(exception)}
        self._log("INFO" if exception is None else "ERROR", event)

    def _log(self, severity: str, data: dict[str, Value]) -> None:
        self._runtime.log({"severity": severity, "execution": self._execution_id, "data": data})


def _is_within(scope: Scope | None, outer: Scope | None) -> bool:
    while scope is not None and scope is not outer:
        scope = scope.parent
    return scope is not None


def _visible(scope: Scope | None) -> dict[str, Value]:
    """What can be read in a scope; inner variables hide outer ones."""
    found: dict[str, Value] = {}
    while scope is not None:
        found = {**scope.values, **found}
        scope = scope.parent
    return found


def step_entry(execution: str, entry: Entry) -> Resource:
    shown: Resource = {
        "name": f"{execution}/stepEntries/{entry.id}",
        "entryId": str(entry.id),
        "step": entry.step,
        "routine": entry.routine,
        "stepType": entry.kind,
        "state": entry.state,
        "createTime": timestamp(entry.began_s),
        "updateTime": timestamp(entry.ended_s),
        "stepEntryMetadata": {"threadId": str(entry.thread)},
    }
    if entry.exception is not None:
        shown["exception"] = {"payload": payload_of(entry.exception)}
    if isinstance(entry, LinkedEntry):
        shown["navigationInfo"] = _navigation(entry)
        if entry.progress:
            shown["stepEntryMetadata"] |= {"progressType": entry.progress, "progressNumber": str(entry.round)}
        if entry.expected:
            shown["stepEntryMetadata"]["expectedIteration"] = str(entry.expected)
        if entry.variables is not None:
            variables = {name: value for name, value in entry.variables.items() if _has_json_form(value)}
            shown["variableData"] = {"variables": variables}
    return shown


def _navigation(entry: LinkedEntry) -> Resource:
    """Ids of the entries around this one; those it does not have are left out."""
    links = {"parent": entry.parent, "previous": entry.previous, "next": entry.next}
    shown: Resource = {name: str(id_) for name, id_ in links.items() if id_}
    return {**shown, "children": [str(id_) for id_ in entry.children]} if entry.children else shown


def _has_json_form(value: Value) -> bool:
    try:
        to_json(value)
    except Raised:
        return False
    return True


def callback(execution: str, shown: Callback) -> Resource:
    return {
        "name": f"{execution}/callbacks/{shown.id}",
        "method": shown.method,
        "url": shown.url,
        "waiters": str(len(shown.waiters)),
        "availablePayloads": [] if shown.received is None else [to_json(shown.received)],
    }
