"""Veo's long-running operations: a clip is ordered, rendered, kept until it is due, delivered, billed as it ended.

Every order is a new clip: nothing is ever recognised as a repeat, and there is no list to look orders up in. Rendered
clips wait in files, so that neither a long latency nor a restart costs memory or a second rendering.
"""

import asyncio
import base64
import logging
import uuid
from pathlib import Path
from threading import Event
from typing import Any

from starlette.responses import Response

from localcloud.serving import ApiError
from localcloud.vertex import chance, wire
from localcloud.vertex.clip.render import Clip, render
from localcloud.vertex.clip.request import read_clip_request
from localcloud.vertex.registry import VeoModel
from localcloud.vertex.requests import Call, check_call, send_response
from localcloud.vertex.standin import Standin
from localcloud.vertex.storage import StorageError
from localcloud.vertex.store import Operation, Store
from localcloud.vertex.wire import invalid

# google.rpc codes, which operations carry instead of HTTP statuses.
_NOT_FOUND, _PERMISSION_DENIED, _INTERNAL = 5, 7, 13
_log = logging.getLogger(__name__)

_USUAL_CODE = 15236754
_UPLOAD_TRIES = 6
_FIRST_UPLOAD_WAIT_S = 0.25
_RESPONSE_TYPE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"


class Operations:
    """The operations under way in this process; what is known of each lies in the store."""

    def __init__(self, standin: Standin) -> None:
        self._standin = standin
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Go on with what an earlier process left unfinished."""
        for operation in self._standin.store.unfinished():
            self.start(operation)

    def start(self, operation: Operation) -> None:
        task = asyncio.create_task(self._live(operation), name=operation.name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Let go of everything; `resume` finds it again."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, operation: Operation) -> None:
        try:
            await self._make(operation)
        except Exception:  # noqa: BLE001 - a bug of ours must show, and must not leave a poller waiting for ever
            _log.exception("operation %s broke", operation.name)
            self._fail(operation, _INTERNAL, "Internal error encountered.")

    async def _make(self, operation: Operation) -> None:
        store, faults = self._standin.store, operation.plan["faults"]
        if "never_done" in faults:
            store.settle(operation.ledger_n, "failed", 0)
            return
        samples = _delivered(operation)
        await asyncio.gather(*(self._render(operation, sample) for sample in range(samples)))
        await asyncio.sleep(max(0.0, operation.due_at - self._standin.now()))
        if (args := faults.get("op_error")) is not None:
            message = args.get("message", "Video generation failed due to an internal error. Please try again.")
            self._fail(operation, int(args.get("code", _INTERNAL)), str(message))
        elif not samples:
            outcome = "filtered" if _filtered(operation) else "failed"
            store.finish(operation, _response(operation, []), outcome=outcome, micros=0)
        else:
            await self._publish(operation, samples)

    async def _publish(self, operation: Operation, samples: int) -> None:
        store = self._standin.store
        try:
            videos = [await self._deliver(operation, sample) for sample in range(samples)]
        except StorageError as error:
            code = {403: _PERMISSION_DENIED, 404: _NOT_FOUND}.get(error.status, _INTERNAL)
            self._fail(operation, code, f"Failed to write the video: {error}")
            return
        store.finish(operation, _response(operation, videos), micros=samples * operation.plan["micros_per_clip"])
        if operation.plan["folder"]:
            for sample in range(samples):
                clip_file(store, operation, sample).unlink()

    def _fail(self, operation: Operation, code: int, message: str) -> None:
        """``code`` is a google.rpc code; a failed operation costs nothing."""
        error = {"error": {"code": code, "message": message}}
        self._standin.store.finish(operation, error, outcome="failed", micros=0)

    async def _render(self, operation: Operation, sample: int) -> None:
        store, plan = self._standin.store, operation.plan
        file = clip_file(store, operation, sample)
        if file.exists():
            return
        clip = Clip.planned(plan["clip"], sample, plan["faults"], store.blob)
        abandoned = Event()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._standin.workers, render, clip, file, abandoned)
        except asyncio.CancelledError:
            abandoned.set()  # a thread cannot be cancelled, and the process should not wait for a long clip to end
            raise

    async def _deliver(self, operation: Operation, sample: int) -> dict[str, Any]:
        """One entry of ``videos``. Raises: StorageError when the bucket will not take the clip."""
        if not operation.plan["folder"]:
            return {"sample": sample, "mimeType": "video/mp4"}
        uri = f"{operation.plan['folder']}/sample_{sample}.mp4"
        file = clip_file(self._standin.store, operation, sample)
        content = file.read_bytes()
        for tries in range(_UPLOAD_TRIES):
            try:
                await self._standin.storage.write(uri, content, "video/mp4")
            except StorageError as error:
                if error.status in (400, 403, 404) or tries == _UPLOAD_TRIES - 1:
                    raise
                await asyncio.sleep(_FIRST_UPLOAD_WAIT_S * 2**tries)
            else:
                break
        return {"gcsUri": uri, "mimeType": "video/mp4"}


def clip_file(store: Store, operation: Operation, sample: int) -> Path:
    """Where a rendered clip waits for its delivery."""
    return store.clips / f"{operation.name.rpartition('/')[2]}-{sample}.mp4"


def _filtered(operation: Operation) -> int:
    """How many samples the filters take."""
    if "rai" in operation.plan["faults"]:
        return int(operation.plan["samples"])
    return 1 if "rai_some" in operation.plan["faults"] else 0


def _delivered(operation: Operation) -> int:
    """How many samples come out; a lost operation may be ordered to leave nothing behind either."""
    faults = operation.plan["faults"]
    if "op_error" in faults or faults.get("op_lost", {}).get("output") is False:
        return 0
    return int(operation.plan["samples"]) - _filtered(operation)


def _response(operation: Operation, videos: list[dict[str, Any]]) -> dict[str, Any]:
    filtered = _filtered(operation)
    response: dict[str, Any] = {"@type": _RESPONSE_TYPE, "raiMediaFilteredCount": filtered}
    if videos:
        response["videos"] = videos
    if filtered:
        faults = operation.plan["faults"]
        args = faults.get("rai") or faults.get("rai_some") or {}
        usual = (
            "The video could not be created because it may violate our usage guidelines. "
            f"Support codes: {', '.join(map(str, args.get('codes', [_USUAL_CODE])))}"
        )
        response["raiMediaFilteredReasons"] = [str(args.get("reason", usual))] * filtered
    return {"response": response}


_LATE_S = 30.0


async def predict_long_running(standin: Standin, operations: Operations, call: Call) -> Response:
    """Raises: ApiError, ConnectionCutError."""
    model = call.model
    if not isinstance(model, VeoModel):
        raise invalid(f"{call.model_path} does not support predictLongRunning.")
    wanted = await read_clip_request(model, call.body, standin.storage)
    hits = check_call(standin, call, model.kind)
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
            "size_px": wanted.size_px,
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
    """Raises: ApiError 404 for an operation that was never started (or one that a fault lost), ConnectionCutError."""
    name = str(wire.field(call.body, "operationName", ""))
    if not name:
        raise invalid("operationName is required.")
    hits = check_call(standin, call, "poll")
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
