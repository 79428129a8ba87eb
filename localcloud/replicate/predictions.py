"""The life of a prediction: accepted, started, filmed, ended once, billed and announced as it ended."""

import asyncio
import logging
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from localcloud.replicate import order
from localcloud.replicate.faults import FLAWS
from localcloud.replicate.outputs import Outputs
from localcloud.replicate.pictures import PictureError, Pictures, is_upright
from localcloud.replicate.registry import PredictionModel
from localcloud.replicate.site import KIND, Site
from localcloud.replicate.store import Prediction, new_id
from localcloud.replicate.views import show_prediction
from localcloud.replicate.webhooks import DEFAULT_EVENTS, Webhooks
from localcloud.vertex.clip.render import Clip, render
from localcloud.vertex.clip.video import Groups
from localcloud.vertex.faults import Hits
from localcloud.vertex.store import Attached

_log = logging.getLogger(__name__)

_STARTING_SHARE = 0.1  # of a prediction's latency is spent in state starting
_COLD_START_S = 60.0
_LATE_S = 30.0
_SAFETY_CODE = "E005"
_SAFETY = f"The input or output was flagged as sensitive. Please try again with different inputs. ({_SAFETY_CODE})"
_BROKEN_CODE = "E9243"
_BROKEN = f"Prediction failed: an unexpected error occurred. ({_BROKEN_CODE})"


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A create that was checked. ``lifetime_s`` is what Cancel-After says, in the profile's seconds."""

    model: PredictionModel
    input: dict[str, Any]
    method: str
    webhook: str | None
    events: tuple[str, ...] | None
    lifetime_s: float | None


class Predictions:
    """The predictions under way in this process; what is known of each lies in the store."""

    def __init__(self, site: Site, webhooks: Webhooks) -> None:
        self._site = site
        self._webhooks = webhooks
        self._outputs = Outputs(site)
        self._pictures = Pictures()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def resume(self) -> None:
        """Go on with what an earlier process left unfinished."""
        for prediction in self._site.store.unfinished():
            self._start(prediction)

    async def stop(self) -> None:
        """Let go of everything; `resume` finds it again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.stop()
        await self._pictures.close()

    def accept(self, create: CreateRequest, hits: Hits) -> Prediction:
        """From here on the prediction exists, is in the list and will cost its price if it succeeds."""
        site, model = self._site, create.model
        clip = order.read_order(model, create.input)
        now_s = site.today.timestamp()  # whole microseconds, so that created_after finds what created_at says
        latency_s = site.profile.latency(model.id, KIND, clip)
        starts_s = now_s + latency_s * _STARTING_SHARE
        if (cold := hits.get("cold_start")) is not None:
            starts_s += float(cold.get("s", _COLD_START_S))
        late_s = float(hits.by_name["late_output"].get("s", _LATE_S)) if "late_output" in hits else 0.0
        prediction = Prediction(
            id=new_id(),
            model=model.id,
            input=create.input,
            created_s=now_s,
            starts_s=starts_s,
            due_s=starts_s + latency_s * (1 - _STARTING_SHARE) + late_s,
            micros=model.micros(clip.seconds, clip.resolution, site.today, audio=clip.audio),
            deadline_s=None if create.lifetime_s is None else now_s + create.lifetime_s * site.profile.time_scale,
            webhook=create.webhook,
            events=DEFAULT_EVENTS if create.events is None else create.events,
            faults={fault: dict(args) for fault, args in hits.by_name.items()},
            seconds=clip.seconds,
        )
        with site.store.together():
            n = site.store.ledger.enter(
                at=site.today.isoformat(), model=model.id, method=create.method, operation=prediction.id
            )
            prediction = replace(prediction, ledger_n=n)
            site.store.add(prediction)
            self._announce(prediction, "start")
        self._start(prediction)
        return prediction

    async def cancel(self, prediction: Prediction) -> Prediction:
        """End it as canceled, unless it has ended already; how it ended."""
        task = self._tasks.get(prediction.id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return self._end(prediction.id, "canceled")

    async def wait_for(self, prediction_id: str, wait_s: float) -> Prediction:
        """The prediction once it has ended, or as it is after so many seconds."""
        task = self._tasks.get(prediction_id)
        if task is not None:
            await asyncio.wait([task], timeout=wait_s)
        return self._current(prediction_id)

    def _current(self, prediction_id: str) -> Prediction:
        found = self._site.store.prediction(prediction_id)
        if found is None:
            raise LookupError(prediction_id)
        return found

    def _start(self, prediction: Prediction) -> None:
        task = asyncio.create_task(self._live(prediction), name=prediction.id)
        self._tasks[prediction.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(prediction.id, None))

    async def _live(self, prediction: Prediction) -> None:
        left_s = None if prediction.deadline_s is None else prediction.deadline_s - self._site.now()
        try:
            async with asyncio.timeout(left_s):
                await self._run(prediction)
        except TimeoutError:
            had_started = self._current(prediction.id).status != "starting"
            self._end(prediction.id, "canceled" if had_started else "aborted")
        except Exception:  # noqa: BLE001 - a bug must show, and must not leave a poller waiting for ever
            _log.exception("prediction %s broke", prediction.id)
            self._end(prediction.id, "failed", error=_BROKEN)

    async def _run(self, prediction: Prediction) -> None:
        await self._sleep_until(prediction.starts_s)
        prediction = self._begin(prediction)
        faults = prediction.faults
        if "never_done" in faults:
            await asyncio.Event().wait()
        error = await self._film(prediction)
        await self._sleep_until(prediction.due_s)
        if "rai" in faults:
            self._end(prediction.id, "failed", error=str(faults["rai"].get("error", _SAFETY)), outcome="filtered")
        elif "failed" in faults:
            self._end(prediction.id, "failed", error=str(faults["failed"].get("error", _BROKEN)))
        elif error is not None:
            self._end(prediction.id, "failed", error=error)
        else:
            self._end(prediction.id, "succeeded")

    async def _sleep_until(self, moment_s: float) -> None:
        await asyncio.sleep(max(0.0, moment_s - self._site.now()))

    def _begin(self, prediction: Prediction) -> Prediction:
        if prediction.status != "starting":  # begun by an earlier process
            return prediction
        begun = replace(prediction, status="processing", started_s=self._site.now(), logs="Running prediction...\n")
        with self._site.store.together():
            self._site.store.update(begun)
            self._announce(begun, "logs")
        return begun

    async def _film(self, prediction: Prediction) -> str | None:
        """Render the clip; what went wrong, if anything did."""
        if {"rai", "failed", "output_missing"} & prediction.faults.keys():
            return None
        model = self._site.models.get(prediction.model)
        if model is None:  # taken from the registry while the stand-in was down
            return _BROKEN
        clip = order.read_order(model, prediction.input)
        if (misfit := order.find_misfit(model, clip)) is not None:
            return misfit
        try:
            first = await self._pictures.read(clip.first) if clip.first else b""
            last = await self._pictures.read(clip.last) if clip.last else b""
            references = tuple([await self._pictures.read(each) for each in clip.references])
        except PictureError as error:
            return str(error)
        given = [(clip.first, first), (clip.last, last), *zip(clip.references, references, strict=True)]
        attached = [Attached.of(_address(uri), content) for uri, content in given if uri]
        if attached:
            self._site.store.attach(prediction, attached)
        wide_px, high_px = order.frame_px(model, clip, is_upright=bool(first) and is_upright(first))
        share = 2 if "wrong_size" in prediction.faults else 1
        await self._render(
            prediction,
            Clip(
                prompt=clip.prompt,
                seed=clip.seed,
                sample=0,
                seconds=clip.seconds,
                width_px=wide_px // share,
                height_px=high_px // share,
                audio=clip.audio,
                first=first,
                last=b"" if references else last,  # "Last frame is ignored if reference images are provided"
                references=references,
                groups=Groups(self._site.profile.gop_frames, self._site.profile.open_gop),
                flaws={fault: args for fault, args in prediction.faults.items() if fault in FLAWS},
            ),
        )
        return None

    async def _render(self, prediction: Prediction, clip: Clip) -> None:
        file = self._outputs.file(prediction)
        if file.exists():
            return
        abandoned = Event()
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._site.workers, render, clip, file, abandoned)
        except asyncio.CancelledError:
            abandoned.set()  # a thread cannot be cancelled, and the process should not wait for a long clip to end
            raise

    def _end(
        self, prediction_id: str, status: str, *, error: str | None = None, outcome: str | None = None
    ) -> Prediction:
        """End the prediction, once: a later end changes nothing."""
        prediction = self._current(prediction_id)
        if prediction.has_ended:
            return prediction
        now_s = self._site.now()
        succeeded = status == "succeeded"
        ended = replace(
            prediction,
            status=status,
            completed_s=now_s,
            error=error,
            expires_s=self._outputs.expires_s(now_s),
            output_url=self._outputs.new_url(prediction)
            if succeeded and "output_missing" not in prediction.faults
            else None,
        )
        is_charged = succeeded or (status == "canceled" and prediction.status == "processing")
        with self._site.store.together():
            self._site.store.update(ended)
            self._site.store.ledger.settle(
                prediction.ledger_n, prediction.micros if is_charged else 0, None if succeeded else outcome or status
            )
            if ended.output_url is not None:
                self._announce(replace(ended, status="processing", completed_s=None), "output")
            self._announce(ended, "completed")
        if not succeeded:
            self._outputs.file(prediction).unlink(missing_ok=True)
        return ended

    def _announce(self, prediction: Prediction, event: str) -> None:
        self._webhooks.announce(prediction, event, show_prediction(prediction, self._site.base_url))


def _address(uri: str) -> str:
    """Empty for a picture that was sent in its data URI."""
    return "" if uri.startswith("data:") else uri
