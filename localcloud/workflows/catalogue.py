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
from localcloud.workflows.filters import matching, ordered
from localcloud.workflows.problems import SourceRefused
from localcloud.workflows.program.blocks import Program
from localcloud.workflows.resources import FIRST_PAGE, Page, Resource, checked_id, page, timestamp

logger = logging.getLogger(__name__)

_EDITABLE = {
    "description",
    "labels",
    "serviceAccount",
    "sourceContents",
    "cryptoKeyName",
    "callLogLevel",
    "userEnvVars",
    "executionHistoryLevel",
    "tags",
}
_NEW_REVISION = {"sourceContents", "serviceAccount", "userEnvVars", "cryptoKeyName"}
_ENV_LIMIT = 20
_ENV_VALUE_LIMIT_BYTES = 4 * 1024
_LABELS_LIMIT = 64
_DESCRIPTION_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Deployed:
    """One revision: what was sent, and the program it became."""

    resource: Resource
    program: Program

    @property
    def number(self) -> int:
        return int(self.resource["revisionId"].partition("-")[0])


class Catalogue:
    def __init__(self, now_s: Callable[[], float], folder: Path | None = None) -> None:
        """``folder`` keeps the latest revision of every workflow from one start to the next."""
        self._now_s = now_s
        self._folder = folder
        self._revisions: dict[str, list[Deployed]] = {}  # by workflow name, newest last
        self._operations: dict[str, Resource] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for file in sorted(folder.glob("*.json")):
                resource = json.loads(file.read_text())
                try:
                    program = compile_source(resource["sourceContents"])
                except SourceRefused as refused:
                    logger.warning("%s is kept, but can no longer be deployed: %s", resource["name"], refused)
                else:
                    self._revisions[resource["name"]] = [Deployed(resource, program)]

    def __len__(self) -> int:
        return len(self._revisions)

    def create(self, parent: str, workflow_id: str, given: Resource) -> Resource:
        name = f"{parent}/workflows/{checked_id(workflow_id)}"
        if name in self._revisions:
            raise ApiError(409, f"Workflow '{name}' already exists")
        now = timestamp(self._now_s())
        resource = {"name": name, "state": "ACTIVE", "createTime": now, **_editable(given)}
        self._keep(self._deployed(resource, 1, now))
        return self._done(name, "create", self.get(name))

    def update(self, name: str, given: Resource, mask: str) -> Resource:
        """``mask`` lists the fields to take over; empty means all that are given."""
        latest = self.latest(name)
        fields = [_camel(field.strip()) for field in mask.split(",") if field.strip()] or list(_editable(given))
        unknown = sorted(field for field in fields if field.partition(".")[0] not in _EDITABLE)
        if unknown:
            raise ApiError(400, f"updateMask names fields that cannot be updated: {', '.join(unknown)}")
        resource = dict(latest.resource)
        for field in (field.partition(".")[0] for field in fields):
            resource.pop(field, None)
            resource.update({field: given[field]} if field in given else {})
        now = timestamp(self._now_s())
        if _NEW_REVISION.isdisjoint(field.partition(".")[0] for field in fields):
            _check(resource)
            self._keep(replace(latest, resource={**resource, "updateTime": now}))
        else:
            self._keep(self._deployed(resource, latest.number + 1, now))
        return self._done(name, "update", self.get(name))

    def delete(self, name: str) -> Resource:
        self.latest(name)
        del self._revisions[name]
        if self._folder is not None:
            self._file(name).unlink(missing_ok=True)
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
        found = [all_[-1].resource for name, all_ in sorted(self._revisions.items()) if name.startswith(f"{parent}/")]
        items, following = page(ordered(matching(found, wanted.filter), wanted.order_by), wanted)
        return {"workflows": list(items), "nextPageToken": following}

    def revisions(self, name: str, wanted: Page = FIRST_PAGE) -> Resource:
        self.latest(name)
        items, following = page([old.resource for old in reversed(self._revisions[name])], wanted)
        return {"workflows": list(items), "nextPageToken": following}

    def operation(self, name: str) -> Resource:
        if name not in self._operations:
            raise ApiError(404, f"Operation '{name}' does not exist")
        return self._operations[name]

    def operations(self, parent: str, wanted: Page = FIRST_PAGE) -> Resource:
        found = [operation for name, operation in self._operations.items() if name.startswith(f"{parent}/")]
        items, following = page(found, wanted)
        return {"operations": list(items), "nextPageToken": following}

    def _deployed(self, resource: Resource, number: int, now: str) -> Deployed:
        _check(resource)
        source = resource.get("sourceContents", "")
        try:
            program = compile_source(source)
        except SourceRefused as refused:
            raise ApiError(400, f"source code is not valid:\n{refused}") from refused
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
            draft = self._file(name).with_suffix(".draft")
            draft.write_text(json.dumps(deployed.resource))
            draft.replace(self._file(name))

    def _file(self, name: str) -> Path:
        return (self._folder or Path()) / f"{quote(name, safe='')}.json"

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


def _editable(given: Resource) -> Resource:
    return {field: value for field, value in given.items() if field in _EDITABLE}


def _camel(field: str) -> str:
    first, *words = field.split("_")
    return first + "".join(word.capitalize() for word in words)


def _check(resource: Resource) -> None:
    env = resource.get("userEnvVars", {})
    if len(env) > _ENV_LIMIT:
        raise ApiError(400, f"at most {_ENV_LIMIT} environment variables, not {len(env)}")
    for name, value in env.items():
        if name.startswith(("GOOGLE", "WORKFLOWS")):
            raise ApiError(400, f"the environment variable {name} has a reserved name")
        if len(str(value).encode()) > _ENV_VALUE_LIMIT_BYTES:
            raise ApiError(400, f"the environment variable {name} is longer than {_ENV_VALUE_LIMIT_BYTES} bytes")
    if len(resource.get("labels", {})) > _LABELS_LIMIT:
        raise ApiError(400, f"at most {_LABELS_LIMIT} labels")
    if len(resource.get("description", "")) > _DESCRIPTION_LIMIT:
        raise ApiError(400, f"the description is longer than {_DESCRIPTION_LIMIT} characters")
