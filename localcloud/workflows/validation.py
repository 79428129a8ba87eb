"""What the two APIs refuse to take: unknown fields, wrong types, ids, labels and variables outside the limits."""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.serving import ApiError
from localcloud.workflows.program.calls import MISSING
from localcloud.workflows.resources import Resource, camel
from localcloud.workflows.values import Value, from_json

ARGUMENT_LIMIT_BYTES = 32 * 1024
SOURCE_LIMIT_BYTES = 128 * 1024
_ENV_LIMIT = 20
_ENV_DEFINITION_LIMIT_BYTES = 4 * 1024  # of KEY=value
_LABELS_LIMIT = 64
_LABEL_LIMIT = 63
_DESCRIPTION_LIMIT = 1000

_WORKFLOW_ID = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]*")
_LABEL_VALUE = re.compile(r"[\w-]*")
_CALL_LOG_LEVELS = ("CALL_LOG_LEVEL_UNSPECIFIED", "LOG_ALL_CALLS", "LOG_ERRORS_ONLY", "LOG_NONE")
_HISTORY_LEVELS = ("EXECUTION_HISTORY_LEVEL_UNSPECIFIED", "EXECUTION_HISTORY_BASIC", "EXECUTION_HISTORY_DETAILED")

# By field: str, bool, dict (of strings), the words of an enumeration, or None for what only the service writes.
_Kind = type | tuple[str, ...] | None
EDITABLE: dict[str, _Kind] = {
    "description": str,
    "labels": dict,
    "serviceAccount": str,
    "sourceContents": str,
    "cryptoKeyName": str,
    "callLogLevel": _CALL_LOG_LEVELS,
    "userEnvVars": dict,
    "executionHistoryLevel": _HISTORY_LEVELS,
    "tags": dict,
}
_WORKFLOW: dict[str, _Kind] = EDITABLE | dict.fromkeys(
    "name state revisionId createTime updateTime revisionCreateTime stateError"
    " allKmsKeys allKmsKeysVersions cryptoKeyVersion".split()
)
STARTABLE: dict[str, _Kind] = {
    "argument": str,
    "callLogLevel": _CALL_LOG_LEVELS,
    "labels": dict,
    "executionHistoryLevel": _HISTORY_LEVELS,
    "disableConcurrencyQuotaOverflowBuffering": bool,
}
_EXECUTION: dict[str, _Kind] = STARTABLE | dict.fromkeys(
    "name createTime startTime endTime duration state result error workflowRevisionId status stateError".split()
)


def workflow_fields(given: Resource) -> Resource:
    """What may be set on a workflow, of what was sent. Raises: ApiError 400."""
    return _writable(given, _WORKFLOW)


def execution_fields(given: Resource) -> Resource:
    """What may be set on an execution, of what was sent. Raises: ApiError 400."""
    fields = _writable(given, _EXECUTION)
    check_labels(fields.get("labels", {}))
    return fields


def check_id(workflow_id: str) -> str:
    if not _WORKFLOW_ID.fullmatch(workflow_id):
        raise ApiError(
            400,
            f"workflowId {workflow_id!r} must be 1 to 64 letters, digits, underscores and dashes, start with a letter"
            " and end with a letter or digit",
        )
    return workflow_id


def check_workflow(resource: Resource) -> None:
    """The limits of a workflow as a whole. Raises: ApiError 400."""
    _check_env(resource.get("userEnvVars", {}))
    check_labels(resource.get("labels", {}))
    if len(resource.get("description", "")) > _DESCRIPTION_LIMIT:
        raise ApiError(400, f"the description is longer than {_DESCRIPTION_LIMIT} characters")
    source = resource.get("sourceContents", "")
    if not source:
        raise ApiError(400, "sourceContents must not be empty")
    if len(source.encode()) > SOURCE_LIMIT_BYTES:
        raise ApiError(400, f"sourceContents is longer than {SOURCE_LIMIT_BYTES // 1024} KB")


def check_labels(labels: Mapping[str, str]) -> None:
    if len(labels) > _LABELS_LIMIT:
        raise ApiError(400, f"at most {_LABELS_LIMIT} labels, not {len(labels)}")
    for key, value in labels.items():
        if not _LABEL_KEY.fullmatch(key) or key != key.lower() or len(key) > _LABEL_LIMIT:
            raise ApiError(400, f"the label key {key!r} must be 1 to {_LABEL_LIMIT} lowercase letters, digits, _ and -")
        if not _LABEL_VALUE.fullmatch(value) or value != value.lower() or len(value) > _LABEL_LIMIT:
            raise ApiError(
                400, f"the label {key}={value!r} has more than {_LABEL_LIMIT} lowercase letters, digits, _, -"
            )


def argument_of(fields: Resource) -> Value:
    """The decoded argument of an execution, or MISSING. Raises: ApiError 400."""
    text = fields.get("argument")
    if not text:
        return MISSING
    if len(text.encode()) > ARGUMENT_LIMIT_BYTES:
        raise ApiError(400, f"the argument is longer than {ARGUMENT_LIMIT_BYTES // 1024} KB")
    try:
        return from_json(text)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"the argument is not JSON: {error}") from error


def _writable(given: Resource, known: Mapping[str, _Kind]) -> Resource:
    fields = {camel(name): value for name, value in given.items() if value is not None}
    for name, value in fields.items():
        if name not in known:
            raise ApiError(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
        if not _fits(value, known[name]):
            raise ApiError(400, f"Invalid value at '{name}': {str(value)[:100]!r}")
    return {name: value for name, value in fields.items() if known[name] is not None}


def _fits(value: Any, kind: _Kind) -> bool:
    if kind is None:
        return True
    if isinstance(kind, tuple):
        return value in kind
    if kind is dict:
        return isinstance(value, dict) and all(map(_is_text, value.values()))
    return _is_text(value) if kind is str else isinstance(value, kind)


def _is_text(value: Any) -> bool:
    """Half a surrogate pair, which JSON can spell, is none."""
    return isinstance(value, str) and value == value.encode(errors="replace").decode()


def _check_env(env: Mapping[str, str]) -> None:
    if len(env) > _ENV_LIMIT:
        raise ApiError(400, f"at most {_ENV_LIMIT} environment variables, not {len(env)}")
    for name, value in env.items():
        if not name:
            raise ApiError(400, "an environment variable needs a name")
        if name.startswith(("GOOGLE", "WORKFLOWS")):
            raise ApiError(400, f"the environment variable {name} has a reserved name")
        if len(f"{name}={value}".encode()) > _ENV_DEFINITION_LIMIT_BYTES:
            raise ApiError(400, f"the environment variable {name} is longer than {_ENV_DEFINITION_LIMIT_BYTES} bytes")
