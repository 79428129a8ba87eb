"""Deployed workflows: create, update, delete, revisions, and the operations that report it.

Resources are kept and given in their REST form; the gRPC side translates that with Google's own mapping. Every
deploy is complete when it is answered, so operations are born done.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from localcloud.serving import ApiError
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.faults import SourceRefused
from localcloud.workflows.filters import filter_resources, sort_resources
from localcloud.workflows.program.blocks import Program
from localcloud.workflows.resources import FIRST_PAGE, Page, Resource, camel, page, timestamp
from localcloud.workflows.validation import EDITABLE, check_id, check_workflow, workflow_fields

logger = logging.getLogger(__name__)

_NEW_REVISION = {"sourceContents", "serviceAccount", "userEnvVars", "cryptoKeyName"}


@dataclass(frozen=True, slots=True)
class Deployed:
    """One revision: what was sent, and the program it became."""

    resource: Resource
    program: Program

    @property
    def number(self) -> int:
        return int(self.resource["revisionId"].partition("-")[0])


class Deployments:
    def __init__(self, now_s: Callable[[], float], folder: Path | None = None) -> None:
        """``folder`` keeps every revision of every workflow from one start to the next."""
        self._now_s = now_s
        self._folder = folder
        self._revisions: dict[str, list[Deployed]] = {}  # by workflow name, newest last
        self._operations: dict[str, Resource] = {}
        self.on_delete: list[Callable[[str], None]] = []  # called with the name of each deleted workflow
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._revisions = _read(folder)

    def __len__(self) -> int:
        return len(self._revisions)

    def create(self, parent: str, workflow_id: str, given: Resource) -> Resource:
        name = f"{parent}/workflows/{check_id(workflow_id)}"
        if name in self._revisions:
            raise ApiError(409, f"Workflow '{name}' already exists")
        now = timestamp(self._now_s())
        resource = {"name": name, "state": "ACTIVE", "createTime": now, **workflow_fields(given)}
        self._keep(self._deployed(resource, 1, now))
        return self._done(name, "create", self.get(name))

    def update(self, name: str, given: Resource, mask: str) -> Resource:
        """``mask`` lists the fields to take over; empty or ``*`` means all that are given."""
        latest = self.latest(name)
        new = workflow_fields(given)
        named = [camel(field.strip()).partition(".")[0] for field in mask.split(",") if field.strip() not in ("", "*")]
        fields = named or list(new)
        unknown = sorted(field for field in fields if field not in EDITABLE)
        if unknown:
            raise ApiError(400, f"updateMask names fields that cannot be updated: {', '.join(unknown)}")
        kept = {field: value for field, value in latest.resource.items() if field not in fields}
        resource = {**kept, **{field: new[field] for field in fields if field in new}}
        now = timestamp(self._now_s())
        if _NEW_REVISION.isdisjoint(fields):
            check_workflow(resource)
            self._keep(replace(latest, resource={**resource, "updateTime": now}))
        else:
            self._keep(self._deployed(resource, latest.number + 1, now))
        return self._done(name, "update", self.get(name))

    def delete(self, name: str) -> Resource:
        """The workflow and its revisions go, and with them its executions."""
        self.latest(name)
        del self._revisions[name]
        if self._folder is not None:
            for file in self._folder.glob(f"{_file_name(name)}[.@]*"):
                file.unlink()
        for forget in self.on_delete:
            forget(name)
        return self._done(name, "delete", {"@type": "type.googleapis.com/google.protobuf.Empty"})

    def latest(self, name: str) -> Deployed:
        if name not in self._revisions:
            raise ApiError(404, f"Workflow '{name}' does not exist")
        return self._revisions[name][-1]

    def get(self, name: str, revision: str = "") -> Resource:
        latest = self.latest(name)
        if not revision:
            return latest.resource
        found = (old.resource for old in self._revisions[name] if old.resource["revisionId"] == revision)
        resource = next(found, None)
        if resource is None:
            raise ApiError(404, f"Workflow '{name}' has no revision {revision}")
        return resource

    def listed(self, parent: str, wanted: Page = FIRST_PAGE) -> Resource:
        """Those of one location, or of all for the location ``-``."""
        place = f"{parent}/".removesuffix("-/")
        found = [all_[-1].resource for name, all_ in sorted(self._revisions.items()) if name.startswith(place)]
        items, following = page(
            sort_resources(filter_resources(found, wanted.filter), wanted.order_by), wanted, default=500
        )
        return {"workflows": list(items), "nextPageToken": following}

    def revisions(self, name: str, wanted: Page = FIRST_PAGE) -> Resource:
        self.latest(name)
        items, following = page(
            [old.resource for old in reversed(self._revisions[name])], wanted, default=20, largest=100
        )
        return {"workflows": list(items), "nextPageToken": following}

    def operation(self, name: str) -> Resource:
        if name not in self._operations:
            raise ApiError(404, f"Operation '{name}' does not exist")
        return self._operations[name]

    def delete_operation(self, name: str) -> Resource:
        """Only the record goes; what it did stays."""
        self.operation(name)
        del self._operations[name]
        return {}

    def operations(self, parent: str, wanted: Page = FIRST_PAGE) -> Resource:
        found = [operation for name, operation in self._operations.items() if name.startswith(f"{parent}/")]
        items, following = page(found, wanted)
        return {"operations": list(items), "nextPageToken": following}

    def location(self, name: str) -> Resource:
        """Any project and location is served."""
        location = name.rpartition("/")[2]
        return {"name": name, "locationId": location, "labels": {"cloud.googleapis.com/region": location}}

    def locations(self, project: str, wanted: Page = FIRST_PAGE) -> Resource:
        """The locations something is deployed in, and the one most examples use."""
        used = {name.partition("/workflows/")[0] for name in self._revisions if name.startswith(f"{project}/")}
        names = sorted(used | {f"{project}/locations/us-central1"})
        items, following = page([self.location(name) for name in names], wanted)
        return {"locations": list(items), "nextPageToken": following}

    def _deployed(self, resource: Resource, number: int, now: str) -> Deployed:
        check_workflow(resource)
        source = resource.get("sourceContents", "")
        try:
            program = compile_source(source)
        except SourceRefused as refused:
            raise ApiError(400, f"failed to build: {refused}") from refused
        tail = hashlib.sha256(f"{number} {source}".encode()).hexdigest()[:3]
        stamps = {"revisionId": f"{number:06}-{tail}", "updateTime": now, "revisionCreateTime": now}
        return Deployed({"callLogLevel": "CALL_LOG_LEVEL_UNSPECIFIED", **resource, **stamps}, program)

    def _keep(self, deployed: Deployed) -> None:
        name = deployed.resource["name"]
        revisions = self._revisions.setdefault(name, [])
        if revisions and revisions[-1].number == deployed.number:
            revisions.pop()
        revisions.append(deployed)
        if self._folder is not None:
            file = self._folder / f"{_file_name(name)}@{deployed.resource['revisionId']}.json"
            draft = file.with_suffix(".draft")
            draft.write_text(json.dumps(deployed.resource))
            draft.replace(file)

    def _done(self, target: str, verb: str, response: Resource) -> Resource:
        location = target.partition("/workflows/")[0]
        name = f"{location}/operations/operation-{uuid.uuid4()}"
        now = timestamp(self._now_s())
        operation: Resource = {
            "name": name,
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.workflows.v1.OperationMetadata",
                "createTime": now,
                "endTime": now,
                "target": target,
                "verb": verb,
                "apiVersion": "v1",
            },
            "done": True,
            "response": {"@type": "type.googleapis.com/google.cloud.workflows.v1.Workflow", **response},
        }
        self._operations[name] = operation
        return operation


def _file_name(workflow: str) -> str:
    """The beginning of the names of its files, one for each revision."""
    return quote(workflow, safe="")


def _read(folder: Path) -> dict[str, list[Deployed]]:
    """The workflows whose latest revision still compiles; of the older revisions those that do."""
    found: dict[str, dict[int, Deployed]] = {}
    for file in sorted(folder.glob("*.json")):
        resource = json.loads(file.read_text())
        revisions = found.setdefault(resource["name"], {})
        try:
            deployed = Deployed(resource, compile_source(resource["sourceContents"]))
        except SourceRefused as refused:
            revisions.clear()  # a newer one may follow
            logger.warning("%s is kept, but can no longer be deployed: %s", resource["name"], refused)
        else:
            revisions[deployed.number] = deployed
    return {name: list(revisions.values()) for name, revisions in found.items() if revisions}
