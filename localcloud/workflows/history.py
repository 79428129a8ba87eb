"""How the API shows what happened inside an execution: step entries and callbacks."""

from localcloud.workflows.callbacks import Callback
from localcloud.workflows.chronicle import LinkedEntry
from localcloud.workflows.faults import Raised
from localcloud.workflows.program.journal import Entry
from localcloud.workflows.report import payload_of
from localcloud.workflows.resources import Resource, timestamp
from localcloud.workflows.values import Value, to_json


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
