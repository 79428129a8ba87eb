"""predictLongRunning and fetchPredictOperation: a clip is ordered, then asked for until it is there.

Every order is a new clip: nothing is ever recognised as a repeat, and there is no list to look orders up in.
"""

import base64
import uuid
from typing import Any

from starlette.responses import Response

from localcloud.serving import ApiError
from localcloud.vertex import chance, wire
from localcloud.vertex.call import Call, admit, send_response
from localcloud.vertex.clip.request import read_clip_request
from localcloud.vertex.operations import Operations, clip_file
from localcloud.vertex.registry import VideoModel
from localcloud.vertex.standin import Standin
from localcloud.vertex.store import Operation
from localcloud.vertex.wire import invalid

_LATE_S = 30.0


async def predict_long_running(standin: Standin, operations: Operations, call: Call) -> Response:
    """Raises: ApiError, ConnectionCutError."""
    model = call.model
    if not isinstance(model, VideoModel):
        raise invalid(f"{call.model_path} does not support predictLongRunning.")
    wanted = await read_clip_request(model, call.body, standin.storage)
    hits = admit(standin, call, model.kind)
    name = f"{call.model_path}/operations/{uuid.uuid4()}"
    per_clip = model.micros(wanted.seconds, wanted.resolution, standin.today, audio=wanted.audio)
    latency_s = standin.profile.latency(model.id, model.kind, wanted)
    if (late := hits.get("late_output")) is not None:
        latency_s += float(late.get("s", _LATE_S))
    plan: dict[str, Any] = {
        "clip": {
            "prompt": wanted.prompt,
            "seed": wanted.seed,
            "seconds": wanted.seconds,
            "resolution": wanted.resolution,
            "aspect": wanted.aspect,
            "audio": wanted.audio,
            "first": standin.store.keep(wanted.first) if wanted.first else "",
            "last": standin.store.keep(wanted.last) if wanted.last else "",
            "references": [standin.store.keep(each) for each in wanted.references],
            "extended": standin.store.keep(wanted.extended) if wanted.extended else "",
            "pad": wanted.pad,
            "gop_frames": standin.profile.gop_frames,
            "open_gop": standin.profile.open_gop,
        },
        "samples": wanted.samples,
        "folder": f"{wanted.storage_uri.rstrip('/')}/{chance.number(name)}" if wanted.storage_uri else "",
        "micros_per_clip": per_clip,
        "faults": {fault: dict(args) for fault, args in hits.by_name.items()},
    }
    operation = standin.store.accept(
        Operation(name, 0, standin.now() + latency_s, plan, None),
        at=standin.today.isoformat(),
        model=model.id,
        method=call.method,
        micros=per_clip * wanted.samples,
        storage_uri=wanted.storage_uri or None,
    )
    operations.start(operation)
    return await send_response(standin, call, hits, {"name": name}, operation.ledger_n)


async def fetch_predict_operation(standin: Standin, call: Call) -> Response:
    """Raises: ApiError 404 for an operation nobody began (or one that a fault lost), ConnectionCutError."""
    name = str(wire.field(call.body, "operationName", ""))
    if not name:
        raise invalid("operationName is required.")
    hits = admit(standin, call, "poll")
    operation = standin.store.operation(name)
    if operation is None or "op_lost" in operation.plan["faults"]:
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
