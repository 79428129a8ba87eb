"""predictLongRunning and fetchPredictOperation: Veo's clips as Google's long-running operations."""

import base64
import uuid
from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from localcloud.serving import ApiError
from localcloud.vertex import wire
from localcloud.vertex.clip.request import list_attached, read_clip_request
from localcloud.vertex.operations import Operations, Order, Video, clip_file, filter_reason, filtered_samples
from localcloud.vertex.registry import VeoModel
from localcloud.vertex.requests import Call, check_call, send_response
from localcloud.vertex.standin import Standin
from localcloud.vertex.store import Operation
from localcloud.vertex.wire import invalid

DIALECT = "veo"
_RESPONSE_TYPE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"


class VeoDialect:
    """Operations end in ``response`` or ``error``, never in both."""

    def finished(self, operation: Operation, videos: Sequence[Video]) -> dict[str, Any]:
        filtered = filtered_samples(operation)
        response: dict[str, Any] = {"@type": _RESPONSE_TYPE, "raiMediaFilteredCount": filtered}
        if videos:
            response["videos"] = [
                {"gcsUri" if name == "uri" else name: value for name, value in video.items()}
                | {"mimeType": "video/mp4"}
                for video in videos
            ]
        if filtered:
            response["raiMediaFilteredReasons"] = [filter_reason(operation)] * filtered
        return {"response": response}

    def failed(self, code: Any, message: str) -> dict[str, Any]:
        return {"error": {"code": int(code), "message": message}}


async def predict_long_running(standin: Standin, operations: Operations, call: Call) -> Response:
    """Raises: ApiError, ConnectionCutError."""
    model = call.model
    if not isinstance(model, VeoModel):
        raise invalid(f"{call.model_path} does not support predictLongRunning.")
    wanted = await read_clip_request(model, call.body, standin.storage)
    hits = check_call(standin, call, model.kind)
    name = f"{call.model_path}/operations/{uuid.uuid4()}"
    per_clip = model.micros(wanted.seconds, wanted.resolution, standin.today, audio=wanted.audio)
    order = Order(name, DIALECT, wanted, per_clip, attached=list_attached(call.body, wanted))
    operation = operations.accept(call, order, hits)
    return await send_response(standin, call, hits, {"name": name}, operation.ledger_n)


async def fetch_predict_operation(standin: Standin, call: Call) -> Response:
    """Raises: ApiError 404 for an operation that was never started (or one that a fault lost), ConnectionCutError."""
    name = str(wire.field(call.body, "operationName", ""))
    if not name:
        raise invalid("operationName is required.")
    hits = check_call(standin, call, "poll")
    operation = standin.store.operation(name)
    if operation is None or operation.plan["dialect"] != DIALECT or "op_lost" in operation.plan["faults"]:
        raise ApiError(404, f"Operation {name} was not found.")
    if operation.answer is None:
        return await send_response(standin, call, hits, {"name": name})
    return await send_response(standin, call, hits, {"name": name, "done": True} | _with_bytes(standin, operation))


def _with_bytes(standin: Standin, operation: Operation) -> dict[str, Any]:
    """The stored answer; a clip without a bucket is put into it from its file."""
    answer = operation.answer or {}
    for video in answer.get("response", {}).get("videos", []):
        if "sample" in video:
            content = clip_file(standin.store, operation, video.pop("sample")).read_bytes()
            video["bytesBase64Encoded"] = base64.b64encode(content).decode()
    return answer
