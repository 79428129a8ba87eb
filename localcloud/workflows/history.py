"""How the API shows what happened inside an execution: step entries and callbacks."""

from localcloud.workflows.callbacks import Callback
from localcloud.workflows.program.journal import Entry
from localcloud.workflows.report import payload_of
from localcloud.workflows.resources import Resource, timestamp


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
    return shown


def callback(execution: str, shown: Callback) -> Resource:
    return {
        "name": f"{execution}/callbacks/{shown.id}",
        "method": shown.method,
        "url": shown.url,
        "waiters": str(len(shown.waiters)),
        "availablePayloads": [] if shown.received is None else [str(shown.received["received_time"])],
    }
