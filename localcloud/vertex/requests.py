"""A call to the fake Vertex AI: its fields checked, its quota and faults applied, its answer sent (or lost)."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcloud.serving import ApiError
from localcloud.vertex.faults import Hits
from localcloud.vertex.registry import Model, VideoModel
from localcloud.vertex.standin import Standin
from localcloud.vertex.wire import Json, invalid, snake

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_INTEGER, _NUMBER = re.compile(r"-?\d+"), re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DETAIL = "type.googleapis.com/google.rpc.BadRequest"


def check(verb: str, body: Json) -> None:
    """Raises: ApiError 400 that names everything in the request the verb does not know."""
    found = list(_message(_messages()[verb.removeprefix("stream").replace("Generate", "generate")], body, ""))
    if found:
        violations = [
            {"field": path, "description": words} if path else {"description": words} for path, words in found
        ]
        details = [{"@type": _DETAIL, "fieldViolations": violations}]
        raise ApiError(400, "\n".join(words for _, words in found), details=details)


Violation = tuple[str, str]


@cache
def _messages() -> Mapping[str, Mapping[str, str]]:
    data = json.loads(resources.files("localcloud.vertex").joinpath("messages.json").read_bytes())
    return {
        name: {spelling: kind for field, kind in fields.items() for spelling in (field, snake(field))}
        for name, fields in data.items()
        if name != "comment"
    }


def _message(fields: Mapping[str, str], value: Json, path: str) -> Iterator[Violation]:
    for name, each in value.items():
        if name not in fields:
            at = f" at '{path}'" if path else ""
            yield path, f'Invalid JSON payload received. Unknown name "{name}"{at}: Cannot find field.'
        elif each is not None:
            yield from _value(fields[name], each, f"{path}.{snake(name)}" if path else snake(name))


def _value(kind: str, value: Any, path: str) -> Iterator[Violation]:
    if kind.endswith("*"):
        entries = value if isinstance(value, list) else [value]  # one entry may stand for a list of one
        for i, each in enumerate(entries):
            yield from _value(kind[:-1], each, f"{path}[{i}]")
    elif kind.startswith("{"):
        if not isinstance(value, Mapping):
            yield _mismatch(path, "Map", value)
            return
        for i, each in enumerate(value.values()):
            yield from _value(kind[1:-1], each, f"{path}[{i}].value")
    elif kind in _SCALARS:
        name, fits = _SCALARS[kind]
        if not fits(value):
            yield _mismatch(path, name, value)
    elif isinstance(value, Mapping):
        yield from _message(_messages()[kind], value, path)
    else:
        yield _mismatch(path, f"type.googleapis.com/google.cloud.aiplatform.v1beta1.{kind}", value)


def _mismatch(path: str, kind: str, value: Any) -> Violation:
    shown = json.dumps(value) if len(json.dumps(value)) < 80 else "..."  # noqa: PLR2004 - a line of a terminal
    return path, f"Invalid value at '{path}' ({kind}), {shown}"


def _is_integer(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_INTEGER.fullmatch(value))
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_NUMBER.fullmatch(value))
    return isinstance(value, int | float) and not isinstance(value, bool)


_SCALARS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "any": ("", lambda _: True),
    "string": ("TYPE_STRING", lambda value: isinstance(value, str)),
    "bool": ("TYPE_BOOL", lambda value: isinstance(value, bool)),
    "integer": ("TYPE_INT64", _is_integer),
    "number": ("TYPE_DOUBLE", _is_number),
    "bytes": ("TYPE_BYTES", lambda value: isinstance(value, str) and bool(_BASE64.fullmatch(value))),
}


_HANG_S = 3600.0  # longer than any client waits
_LINGER_OFF = struct.pack("ii", 1, 0)
_HTTP_NOT_FOUND, _HTTP_UNAVAILABLE = 404, 503


class ConnectionCutError(Exception):
    """The client is to see a reset connection instead of an answer."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in. ``method`` is the verb after the colon."""

    request: Request
    project: str
    location: str
    model: Model
    method: str
    body: Json

    @property
    def model_path(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/publishers/google/models/{self.model.id}"


async def parse_call(standin: Standin, request: Request) -> Call:
    """Raises: ApiError 401 without a bearer token, 404 for an unknown model, 400 for a body the verb does not know."""
    check_authorization(request)
    path = request.path_params
    model = standin.models.get(path["model"])
    if model is None or (isinstance(model, VideoModel) and not model.is_offered_in(path["location"])):
        resource = request.url.path.split("/", 2)[2].rpartition(":")[0]
        raise ApiError(404, missing_model(resource))
    body = await read_body(request)
    check(path["method"], body)
    standin.keep_prompt(body)
    return Call(request, path["project"], path["location"], model, path["method"], body)


def check_authorization(request: Request) -> None:
    """Raises: ApiError 401 without a bearer token."""
    if not re.fullmatch(r"(?i)bearer\s+\S+", request.headers.get("authorization", "")):
        raise ApiError(
            401,
            "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or "
            "other valid authentication credential. "
            "See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        )


async def read_body(request: Request) -> Json:
    """Raises: ApiError 400 for a body that is not a JSON object."""
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None
    if not isinstance(body, Mapping):
        raise invalid("Invalid JSON payload received. The root element must be an object.")
    return body


def missing_model(resource: str) -> str:
    """What is said of a model that is unknown, retired or not offered in this location."""
    return (
        f"Publisher Model `{resource}` was not found or your project does not have access to it. "
        "Please ensure you are using a valid model version."
    )


def check_call(standin: Standin, call: Call, kind: str) -> Hits:
    """Spend quota and meet the faults that come before acceptance; the later ones are returned.

    Raises: ApiError (429, or what a status fault orders), ConnectionCutError. The call was not accepted then.
    """
    if kind in ("text", "image", "video", "interaction"):
        standin.quota.take(call.model.id, call.location, standin.profile)
    hits = standin.faults.strike(call.model.id, call.method, kind, standin.profile.seed)
    if hits.by_name:
        standin.save_faults()
    if (args := hits.get("status")) is not None:
        code = int(args.get("code", _HTTP_UNAVAILABLE))
        usual = missing_model(call.model_path) if code == _HTTP_NOT_FOUND and kind != "poll" else _WORDS.get(code)
        message = str(args.get("message", usual or "Internal error encountered."))
        raise ApiError(code, message, str(args.get("status", "")), args.get("details", ()))
    if "reset_before" in hits:
        raise ConnectionCutError
    return hits


# What Vertex says with each status when it gives no particular reason.
_WORDS = {
    400: "Request contains an invalid argument.",
    401: "Request had invalid authentication credentials.",
    403: "The caller does not have permission",
    404: "Requested entity was not found.",
    429: "Resource exhausted. Please try again later.",
    499: "The operation was cancelled.",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}


async def send_response(
    standin: Standin,
    call: Call,
    hits: Hits,
    body: Any,
    ledger_n: int = 0,
    to_response: Callable[[Any], Response] = JSONResponse,
) -> Response:
    """Answer an accepted call; its ledger entry says ``answer_lost`` unless the answer really goes out.

    Raises: ConnectionCutError.
    """
    if "reset_after" in hits:
        raise ConnectionCutError
    if (args := hits.get("hang")) is not None:
        await asyncio.sleep(float(args.get("s", _HANG_S)))
    if not await call.request.is_disconnected():
        standin.store.answered(ledger_n)
    if (broken := hits.get("malformed_json")) is not None and broken.get("body"):
        return Response(json.dumps(body)[:-20], media_type="application/json")
    return to_response(body)


async def cut_connection(request: Request, _: Exception) -> Response:
    """Reset the TCP connection. uvicorn keeps the transport on the object whose method `receive` is."""
    transport = getattr(request.receive, "__self__").transport  # noqa: B009 - not part of the ASGI type
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()
    await asyncio.sleep(0)  # the connection is lost on the next turn of the loop; what is sent after goes nowhere
    return Response()
