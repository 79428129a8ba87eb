"""Clips that are being made: accepted, rendered, kept until they are due, delivered, billed as they ended.

Every order is a new clip: nothing is ever recognised as a repeat, and there is no list to look orders up in. Rendered
clips wait in files, so that neither a long latency nor a restart costs memory or a second rendering. What is answered
about a clip is the business of the API that took the order, its dialect.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from localcloud.vertex import chance
from localcloud.vertex.clip.render import Clip, render
from localcloud.vertex.clip.request import ClipRequest
from localcloud.vertex.faults import Hits
from localcloud.vertex.requests import Call
from localcloud.vertex.standin import Profile, Standin
from localcloud.vertex.storage import StorageError
from localcloud.vertex.store import Attached, Operation, Store

# google.rpc codes, which failed operations carry instead of HTTP statuses.
NOT_FOUND, PERMISSION_DENIED, INTERNAL = 5, 7, 13
_log = logging.getLogger(__name__)

_LATE_S = 30.0
_UPLOAD_TRIES = 6
_FIRST_UPLOAD_WAIT_S = 0.25
_USUAL_SUPPORT_CODE = 15236754
_USUAL_ERROR = "Video generation failed due to an internal error. Please try again."

Video = Mapping[str, Any]
"""A finished clip: ``uri`` where it was written, or ``sample``, its number, where it waits in its file."""


class Dialect(Protocol):
    """How one API words the end of an operation; what is returned is stored, for every poll after it."""

    def finished(self, operation: Operation, videos: Sequence[Video]) -> dict[str, Any]:
        """The answer of an operation that delivered these; none where the filters took them all."""

    def failed(self, code: Any, message: str) -> dict[str, Any]:
        """The answer of an operation that failed; ``code`` is a google.rpc code, or what a fault ordered."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was found good. ``dialect`` names the API, ``details`` are what its answers need."""

    name: str
    dialect: str
    clip: ClipRequest
    micros_per_clip: int
    details: Mapping[str, Any] = field(default_factory=dict)
    attached: Sequence[Attached] = ()


class Operations:
    """The operations under way in this process; what is known of each lies in the store."""

    def __init__(self, standin: Standin, dialects: Mapping[str, Dialect]) -> None:
        self._standin = standin
        self._dialects = dialects
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, call: Call, order: Order, hits: Hits) -> Operation:
        """Bill the order and begin to make it."""
        standin, clip = self._standin, order.clip
        latency_s = standin.profile.latency(call.model.id, call.model.kind, clip)
        if (late := hits.get("late_output")) is not None:
            latency_s += float(late.get("s", _LATE_S))
        plan: dict[str, Any] = {
            "dialect": order.dialect,
            "clip": _clip_plan(clip, standin.profile, standin.store),
            "samples": clip.samples,
            "folder": f"{clip.storage_uri.rstrip('/')}/{chance.number(order.name)}" if clip.storage_uri else "",
            "micros_per_clip": order.micros_per_clip,
            "faults": {fault: dict(args) for fault, args in hits.by_name.items()},
            **order.details,
        }
        operation = standin.store.accept(
            Operation(order.name, 0, standin.now() + latency_s, plan, None),
            at=standin.today.isoformat(),
            model=call.model.id,
            method=call.method,
            micros=order.micros_per_clip * clip.samples,
            storage_uri=clip.storage_uri or None,
            attached=order.attached,
        )
        self._start(operation)
        return operation

    def resume(self) -> None:
        """Go on with what an earlier process left unfinished."""
        for operation in self._standin.store.unfinished():
            self._start(operation)

    def _start(self, operation: Operation) -> None:
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
            self._fail(operation, INTERNAL, "Internal error encountered.")

    async def _make(self, operation: Operation) -> None:
        store, faults = self._standin.store, operation.plan["faults"]
        if "never_done" in faults:
            store.settle(operation.ledger_n, "failed", 0)
            return
        samples = _delivered(operation)
        await asyncio.gather(*(self._render(operation, sample) for sample in range(samples)))
        await asyncio.sleep(max(0.0, operation.due_at - self._standin.now()))
        if (args := faults.get("op_error")) is not None:
            self._fail(operation, args.get("code", INTERNAL), str(args.get("message", _USUAL_ERROR)))
        elif not samples:
            outcome = "filtered" if filtered_samples(operation) else "failed"
            store.finish(operation, self._dialect(operation).finished(operation, []), outcome=outcome, micros=0)
        else:
            await self._publish(operation, samples)

    async def _publish(self, operation: Operation, samples: int) -> None:
        store = self._standin.store
        try:
            videos = [await self._deliver(operation, sample) for sample in range(samples)]
        except StorageError as error:
            code = {403: PERMISSION_DENIED, 404: NOT_FOUND}.get(error.status, INTERNAL)
            self._fail(operation, code, f"Failed to write the video: {error}")
            return
        answer = self._dialect(operation).finished(operation, videos)
        store.finish(operation, answer, micros=samples * operation.plan["micros_per_clip"])
        if operation.plan["folder"]:
            for sample in range(samples):
                clip_file(store, operation, sample).unlink()

    def _fail(self, operation: Operation, code: Any, message: str) -> None:
        """A failed operation costs nothing."""
        answer = self._dialect(operation).failed(code, message)
        self._standin.store.finish(operation, answer, outcome="failed", micros=0)

    def _dialect(self, operation: Operation) -> Dialect:
        return self._dialects[operation.plan["dialect"]]

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

    async def _deliver(self, operation: Operation, sample: int) -> Video:
        """Raises: StorageError when the bucket will not take the clip."""
        if not operation.plan["folder"]:
            return {"sample": sample}
        uri = f"{operation.plan['folder']}/sample_{sample}.mp4"
        content = clip_file(self._standin.store, operation, sample).read_bytes()
        for tries in range(_UPLOAD_TRIES):
            try:
                await self._standin.storage.write(uri, content, "video/mp4")
            except StorageError as error:
                if error.status in (400, 403, 404) or tries == _UPLOAD_TRIES - 1:
                    raise
                await asyncio.sleep(_FIRST_UPLOAD_WAIT_S * 2**tries)
            else:
                break
        return {"uri": uri}


def _clip_plan(clip: ClipRequest, profile: Profile, store: Store) -> dict[str, Any]:
    return {
        "prompt": clip.prompt,
        "seed": clip.seed,
        "seconds": clip.seconds,
        "size_px": clip.size_px,
        "audio": clip.audio,
        "first": store.keep(clip.first) if clip.first else "",
        "last": store.keep(clip.last) if clip.last else "",
        "references": [store.keep(each) for each in clip.references],
        "extended": store.keep(clip.extended) if clip.extended else "",
        "pad": clip.pad,
        "gop_frames": profile.gop_frames,
        "open_gop": profile.open_gop,
    }


def clip_file(store: Store, operation: Operation, sample: int) -> Path:
    """Where a rendered clip waits for its delivery."""
    return store.clips / f"{operation.name.rpartition('/')[2]}-{sample}.mp4"


def filtered_samples(operation: Operation) -> int:
    """How many samples the filters take."""
    if "rai" in operation.plan["faults"]:
        return int(operation.plan["samples"])
    return 1 if "rai_some" in operation.plan["faults"] else 0


def filter_reason(operation: Operation) -> str:
    """Why the filters took a sample, as the vendor puts it or as the fault orders."""
    faults = operation.plan["faults"]
    args = faults.get("rai") or faults.get("rai_some") or {}
    usual = (
        "The video could not be created because it may violate our usage guidelines. "
        f"Support codes: {', '.join(map(str, args.get('codes', [_USUAL_SUPPORT_CODE])))}"
    )
    return str(args.get("reason", usual))


def _delivered(operation: Operation) -> int:
    """How many samples come out; a lost operation may be ordered to leave nothing behind either."""
    faults = operation.plan["faults"]
    if "op_error" in faults or faults.get("op_lost", {}).get("output") is False:
        return 0
    return int(operation.plan["samples"]) - filtered_samples(operation)
