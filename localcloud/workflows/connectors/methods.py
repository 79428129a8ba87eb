"""Which connector is which REST request. A subset of the discovery documents, spelled as they spell it."""

import re
from dataclasses import dataclass
from enum import Enum

_PARAMETER = re.compile(r"{(\w+)}")
PREFIX = "googleapis."


class Waits(Enum):
    """What a connector waits for before it gives a result."""

    FOR_NOTHING = "the answer is the result"
    FOR_OPERATION = "an operation in the answer is polled until it is done"
    FOR_EXECUTION = "the started execution is polled until it ends"


@dataclass(frozen=True, slots=True)
class Method:
    """``path`` holds its parameters in braces; ``query`` lists the others that may be given."""

    verb: str
    origin: str
    path: str
    query: tuple[str, ...] = ()
    waits: Waits = Waits.FOR_NOTHING

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(_PARAMETER.findall(self.path))

    @property
    def has_body(self) -> bool:
        return self.verb in ("POST", "PUT", "PATCH")

    @property
    def version(self) -> str:
        return self.path.split("/")[1]


def _tasks() -> dict[str, Method]:
    origin, queues, tasks = "https://cloudtasks.googleapis.com", "projects.locations.queues", "queues.tasks"
    page = ("pageSize", "pageToken")
    named = {
        f"{queues}.create": Method("POST", origin, "/v2/{parent}/queues"),
        f"{queues}.get": Method("GET", origin, "/v2/{name}"),
        f"{queues}.list": Method("GET", origin, "/v2/{parent}/queues", ("filter", *page)),
        f"{queues}.delete": Method("DELETE", origin, "/v2/{name}"),
        f"projects.locations.{tasks}.create": Method("POST", origin, "/v2/{parent}/tasks"),
        f"projects.locations.{tasks}.get": Method("GET", origin, "/v2/{name}", ("responseView",)),
        f"projects.locations.{tasks}.list": Method("GET", origin, "/v2/{parent}/tasks", ("responseView", *page)),
        f"projects.locations.{tasks}.delete": Method("DELETE", origin, "/v2/{name}"),
        f"projects.locations.{tasks}.run": Method("POST", origin, "/v2/{name}:run"),
    }
    return {f"{PREFIX}cloudtasks.v2.{name}": method for name, method in named.items()}


def _firestore() -> dict[str, Method]:
    origin, documents = "https://firestore.googleapis.com", f"{PREFIX}firestore.v1.projects.databases.documents"
    mask, condition = "mask.fieldPaths", ("currentDocument.exists", "currentDocument.updateTime")
    return {
        f"{documents}.get": Method("GET", origin, "/v1/{name}", (mask, "readTime", "transaction")),
        f"{documents}.patch": Method("PATCH", origin, "/v1/{name}", ("updateMask.fieldPaths", mask, *condition)),
        f"{documents}.delete": Method("DELETE", origin, "/v1/{name}", condition),
        f"{documents}.createDocument": Method("POST", origin, "/v1/{parent}/{collectionId}", ("documentId", mask)),
        f"{documents}.runQuery": Method("POST", origin, "/v1/{parent}:runQuery"),
        f"{documents}.commit": Method("POST", origin, "/v1/{database}/documents:commit"),
    }


def _workflows() -> dict[str, Method]:
    executions = f"{PREFIX}workflowexecutions.v1.projects.locations.workflows.executions"
    origin, listed = "https://workflowexecutions.googleapis.com", ("pageSize", "pageToken", "view", "filter", "orderBy")
    start = Method("POST", origin, "/v1/{parent}/executions", waits=Waits.FOR_EXECUTION)
    workflows, own = f"{PREFIX}workflows.v1.projects.locations.workflows", "https://workflows.googleapis.com"
    return {
        f"{executions}.create": start,
        f"{executions}.get": Method("GET", origin, "/v1/{name}", ("view",)),
        f"{executions}.list": Method("GET", origin, "/v1/{parent}/executions", listed),
        f"{executions}.cancel": Method("POST", origin, "/v1/{name}:cancel"),
        f"{workflows}.create": Method(
            "POST", own, "/v1/{parent}/workflows", ("workflowId",), waits=Waits.FOR_OPERATION
        ),
        f"{workflows}.get": Method("GET", own, "/v1/{name}", ("revisionId",)),
        f"{workflows}.delete": Method("DELETE", own, "/v1/{name}", waits=Waits.FOR_OPERATION),
    }


METHODS: dict[str, Method] = {**_tasks(), **_firestore(), **_workflows()}

RUN_WORKFLOW = f"{PREFIX}workflowexecutions.v1.projects.locations.workflows.executions.run"
"""Not a REST method: starts an execution from its parts, waits, and gives its decoded result."""
RUN_ARGUMENTS = ("workflow_id", "project_id", "location", "argument")
COMMON_ARGUMENTS = ("connector_params",)
