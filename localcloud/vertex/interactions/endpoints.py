"""The endpoints below ``interactions``. Work that was accepted goes on and is billed, whoever cancels or goes away."""

import base64
import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.serving import ApiError
from localcloud.vertex.interactions.answers import error_body, instant, interaction, usage
from localcloud.vertex.interactions.request import read_interaction_request, unknown
from localcloud.vertex.operations import Operations, Order, clip_file
from localcloud.vertex.registry import InteractionModel, VideoModel
from localcloud.vertex.requests import Call, check_authorization, check_call, missing_model, read_body, send_response
from localcloud.vertex.standin import Standin
from localcloud.vertex.store import Operation
from localcloud.vertex.text.write import tokens
from localcloud.vertex.wire import invalid

DIALECT = "interactions"
_PATH = "/v1beta1/projects/{project}/locations/{location}/interactions"
_NAME = re.compile(r"video-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Interactions:
    """The endpoints of one stand-in."""

    standin: Standin
    operations: Operations

    def routes(self) -> list[Route]:
        return [
            Route(_PATH, _in_envelope(self.create), methods=["POST"]),
            Route(_PATH + "/{id}", _in_envelope(self.get)),
            Route(_PATH + "/{id}/cancel", _in_envelope(self.cancel), methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Raises: ApiError, ConnectionCutError."""
        check_authorization(request)
        _check_query(request)
        body = await read_body(request)
        self.standin.keep_prompt(body)
        model = self._model(body.get("model"), request.path_params)
        call = self._call(request, model, "createInteraction", body)
        wanted = await read_interaction_request(model, body, self.standin.storage)
        hits = check_call(self.standin, call, "interaction")
        clip = wanted.clip
        used = model.usage(tokens(len(clip.prompt)), len(wanted.pictures), clip.seconds, clip.resolution)
        details = {
            "model": model.id,
            "project": call.project,
            "created": instant(self.standin.today),
            "labels": wanted.labels,
            "usage": usage(used),
        }
        price = model.micros(used, self.standin.today, call.location)
        order = Order(f"video-{uuid.uuid4()}", DIALECT, clip, price, details, wanted.pictures)
        operation = self.operations.accept(call, order, hits)
        return await send_response(self.standin, call, hits, interaction(operation), operation.ledger_n)

    async def get(self, request: Request) -> Response:
        """Raises: ApiError, ConnectionCutError."""
        check_authorization(request)
        _check_query(request, stream=("false",), include_input=("false",))
        operation, call = self._find(request, "getInteraction")
        hits = check_call(self.standin, call, "poll")
        if "op_lost" in operation.plan["faults"]:
            raise _not_found()
        return await send_response(self.standin, call, hits, _with_bytes(self.standin, operation))

    async def cancel(self, request: Request) -> Response:
        """Raises: ApiError, ConnectionCutError."""
        check_authorization(request)
        _check_query(request)
        if body := await read_body(request):
            raise unknown(next(iter(body)))
        operation, call = self._find(request, "cancelInteraction")
        hits = check_call(self.standin, call, "poll")
        if "op_lost" in operation.plan["faults"]:
            raise _not_found()
        if "cancelled" not in operation.plan:
            if operation.answer is not None:
                raise ApiError(400, f"Interaction {operation.name} is no longer in progress.", "failed_precondition")
            operation = self.standin.store.amend(operation, cancelled=instant(self.standin.today))
        return await send_response(self.standin, call, hits, interaction(operation))

    def _model(self, model_id: Any, path: dict[str, str]) -> InteractionModel:
        if not isinstance(model_id, str) or not model_id:
            raise invalid("The 'model' parameter is required.")
        model = self.standin.models.get(model_id)
        if model is None or (isinstance(model, InteractionModel) and not model.is_offered_in(path["location"])):
            place = f"projects/{path['project']}/locations/{path['location']}"
            raise ApiError(404, missing_model(f"{place}/publishers/google/models/{model_id}"), "model_not_found")
        if not isinstance(model, InteractionModel):
            what = "interactions" if isinstance(model, VideoModel) else "background interactions"
            raise invalid(f"Model '{model.id}' does not support {what}.")
        return model

    def _find(self, request: Request, method: str) -> tuple[Operation, Call]:
        path = request.path_params
        if not _NAME.fullmatch(path["id"]):
            raise invalid(f"Invalid interaction name: interactions/{path['id']}")
        operation = self.standin.store.operation(path["id"])
        if operation is None or operation.plan["project"] != path["project"]:
            raise _not_found()
        return operation, self._call(request, self._model(operation.plan["model"], path), method, {})

    def _call(self, request: Request, model: InteractionModel, method: str, body: Any) -> Call:
        return Call(request, request.path_params["project"], request.path_params["location"], model, method, body)


def _not_found() -> ApiError:
    return ApiError(404, "Requested entity was not found.")


def _check_query(request: Request, **served: tuple[str, ...]) -> None:
    """Raises: ApiError 400 for a query that would not be followed."""
    for name, value in request.query_params.items():
        if name not in served:
            raise unknown(name)
        if value.lower() not in served[name]:
            raise invalid(f"The value {value!r} is not supported for '{name}' by this endpoint.")


def _in_envelope(handler: Handler) -> Handler:
    """This API's errors look otherwise than those of the rest of Vertex AI."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return JSONResponse(error_body(error), status_code=error.code)

    return handle


def _with_bytes(standin: Standin, operation: Operation) -> dict[str, Any]:
    """The interaction; a clip without a bucket is put into it from its file."""
    answer = interaction(operation)
    for step in answer.get("steps", []):
        for content in step.get("content", []):
            if "sample" in content:
                file = clip_file(standin.store, operation, content.pop("sample"))
                content["data"] = base64.b64encode(file.read_bytes()).decode()
    return answer
