"""The real steps under any order of events: deliveries doubled, writes lost, senders killed, answers lost.

A provider that never lies about money is kept beside the ledger; whatever happens, the two must agree. It is Veo, which
writes the clip below the call's prefix; Gemini Omni, which does so too and is paid by tokens; or Kling, which lists its
predictions and whose clip is copied by the poll. Outputs appear within the registry's longest latency, as the ledger
assumes (rule 5); everything else may happen at any time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from promptreel.domain import recovery
from promptreel.domain.billing import Bill, BillRow
from promptreel.domain.call import CUT_OFF, Call, committed_micros
from promptreel.domain.models import TokenUsage, VideoModel, registry
from promptreel.domain.states import CallState, JobState, SceneState
from promptreel.domain.tariffs import ReportedUsage, drawing_tariff, text_tariff
from promptreel.errors import (
    AnswerLost,
    CallFailed,
    PromptreelError,
    Refused,
    Rejected,
    Throttled,
    Transient,
)
from promptreel.ports.models import (
    Declined,
    Failed,
    LostSubmit,
    Operation,
    OperationState,
    Running,
    Succeeded,
    VideoRequest,
)
from promptreel.ports.orchestration import ClipTask
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.reconcile import reconcile
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.hooks import FailingWrites, Killed
from tests.fakes.services import FakeServices
from tests.fakes.system import START
from tests.fakes.templates import PromptTemplates

CLIP_MICROS = 2_400_000
VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
LISTED = "predictions"  # the protocol that lists operations and leaves the copying of clips to the poll
IN_WORDS = TokenUsage(input=2_300, output=200)  # of a refusal that is billed


# Another seed and other pictures; other words; all there is; nothing at all; the sound; the provider itself; the model;
# the deployment.
REFUSALS = ("15236754", "57734940", "64151117", "89371032", "audio", "outage", "model_unavailable", "configuration")


# Fates of a text or a picture. An answer without output is billed; one without usage counts at its reserved price.
FATES: tuple[CallFailed | Declined, ...] = (
    Refused("unwilling"),
    AnswerLost("reset"),
    Throttled("429"),
    Declined("unwilling, in words", (), ReportedUsage(input=300, output=200, picture=0)),
    Declined("cut off", (CUT_OFF,), ReportedUsage(input=300, output=900)),
    Declined("nothing is reported", (), ReportedUsage()),
)


@dataclass
class Accepted:
    """A request the provider accepted: the only place where money is owed."""

    model: VideoModel
    prefix: str
    accepted: datetime
    price_micros: int  # of a clip that is paid by the second
    usage: TokenUsage | None  # what a clip that is paid by tokens uses, whether it is reported or not
    state: OperationState

    @property
    def scene(self) -> str:
        return self.prefix.split("/clips/")[1].split("/")[0]

    @property
    def micros(self) -> int:
        """What is owed, or will be."""
        if isinstance(self.state, Failed):
            return self.model.cost_micros(self.state.usage, self.accepted, 0)
        return self.model.cost_micros(self.usage, self.accepted, self.price_micros)

    @property
    def ends_by_s(self) -> float:
        return self.accepted.timestamp() + self.model.longest_latency_s


class Provider:
    """All video backends, seen from their own books. ``next`` says what becomes of the next request.

    ``exhausted`` is the model whose quota is used up, ``list_fails`` whether the next look into the list fails, and
    ``copy`` whether the process dies once the next clip is copied.
    """

    def __init__(self, world: FakeServices) -> None:
        self._world = world
        self.operations: dict[str, Accepted] = {}
        self.next = "answered"
        self.exhausted = ""
        self.list_fails = False
        self.copy = "returned"

    def connect(self, model_id: str) -> None:
        """Nothing to make."""

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        if request.model == self.exhausted:
            raise Throttled("429")
        fate, self.next = self.next, "answered"
        if fate == "quota":
            raise Throttled("429")
        if fate == "rejected":
            raise Refused("400")
        if fate == "never_arrived":
            raise AnswerLost("reset")
        name = f"operations/{len(self.operations) + 1}"
        model, now = registry().video_model(request.model), self._world.clock.true_now()
        per_second = model.tokens_per_second.get(request.resolution)
        self.operations[name] = Accepted(
            model,
            output_uri,
            now,
            model.max_micros(request.seconds, request.resolution, now, audio=request.audio),
            TokenUsage(input=2_300, output=40, picture=request.seconds * per_second) if per_second else None,
            Running(),
        )
        if fate == "answer_lost":
            raise AnswerLost("reset")
        if fate == "killed":
            raise Killed
        return name

    def find(self, lost: LostSubmit) -> Operation | None:
        """Only predictions are listed."""
        if registry().video_model(lost.model).protocol != LISTED:
            return None
        fails, self.list_fails = self.list_fails, False
        if fails:
            raise Transient("503")
        found = [name for name, operation in self.operations.items() if operation.prefix == lost.output_uri]
        return Operation(lost.model, found[0], lost.output_uri) if found else None

    def poll_all(self, operations: Iterable[Operation], within_s: float) -> dict[str, OperationState]:
        return {operation.name: self._poll(self.operations[operation.name]) for operation in operations}

    def _poll(self, operation: Accepted) -> OperationState:
        if isinstance(operation.state, Succeeded) and operation.model.protocol == LISTED:
            self._put(operation.state.uri)
            fate, self.copy = self.copy, "returned"
            if fate == "killed":
                raise Killed
        return operation.state

    def end(self, name: str, refusal: str | None, *, is_counted: bool = True) -> None:
        """With a clip, or refused with this code. ``is_counted``: what is paid by tokens says how many.

        A refusal that counts them is billed.
        """
        operation = self.operations[name]
        counts = is_counted and operation.usage is not None
        if refusal is not None:
            operation.state = Failed(f"Code {refusal}", (refusal,), IN_WORDS if counts else None)
        elif operation.model.protocol == LISTED:
            operation.state = Succeeded(f"{operation.prefix}sample_0.mp4")
        else:
            operation.state = Succeeded(f"{operation.prefix}7/sample_0.mp4", operation.usage if counts else None)
            self._put(operation.state.uri)

    def _put(self, uri: str) -> None:
        self._world.artifacts.put(uri.removeprefix("gs://artifacts/"), b"clip", "video/mp4")

    def running(self) -> list[str]:
        return [name for name, operation in self.operations.items() if isinstance(operation.state, Running)]

    def delivered(self) -> list[Succeeded]:
        states = (operation.state for operation in self.operations.values())
        return [state for state in states if isinstance(state, Succeeded)]

    def bill_micros(self) -> int:
        """What is owed, or will be."""
        return sum(operation.micros for operation in self.operations.values())

    def owed_micros(self, prefix: str) -> int:
        """The same for one call, by the prefix that only its requests name."""
        return sum(operation.micros for operation in self.operations.values() if operation.prefix == prefix)

    def now_s(self) -> float:
        return self._world.clock.true_now().timestamp()


class Money(FailingWrites, RuleBasedStateMachine):
    """One job of three scenes, drawn and queued; everything after that is up to the rules."""

    @initialize(spare=st.integers(0, 3), model=st.sampled_from([VEO, OMNI, KLING]))
    def begin(self, spare: int, model: str) -> None:
        self.templates = PromptTemplates()
        self.world = FakeServices()
        self.provider = Provider(self.world)
        self.world.video = self.provider  # type: ignore[assignment]
        generous = self.world.drawn(models={"video": model})
        planned = committed_micros([read.value for read in self.world.jobs.list_calls(generous.id)])
        self.world = FakeServices()
        self.provider = Provider(self.world)
        self.world.video = self.provider  # type: ignore[assignment]
        limit = planned + 400_000 + spare * CLIP_MICROS
        self.job_id = self.world.drawn(models={"video": model}, budget_usd=f"{limit / 1e6:.6f}").id
        self.limit = limit
        self.tasks: list[ClipTask] = []
        self.fail_writes_of(self.world.jobs)

    @rule(countdown=st.integers(0, 3), fault=st.sampled_from(["killed_before", "killed_after", "answer_lost"]))
    def arm_a_write(self, countdown: int, fault: str) -> None:
        self.armed = (countdown, fault)

    @rule(fate=st.sampled_from(["quota", "rejected", "never_arrived", "answer_lost", "killed"]))
    def order_a_fate(self, fate: str) -> None:
        self.provider.next = fate

    @rule(list_fails=st.booleans(), copy=st.sampled_from(["returned", "killed"]))
    def order_a_fate_of_a_look(self, *, list_fails: bool, copy: str) -> None:
        """At a provider that lists its operations and whose clips are copied."""
        self.provider.list_fails, self.provider.copy = list_fails, copy

    @rule(pick=st.integers(0, 30))
    def deliver_a_task(self, pick: int) -> None:
        """Any task there ever was: delivered late, twice, or after its run is over."""
        self.tasks = list(dict.fromkeys([*self.tasks, *self.world.queue.tasks]))
        if self.tasks:
            task = self.tasks[pick % len(self.tasks)]
            self._survive(self.world.deliver, task)

    @rule()
    def poll(self) -> None:
        job = self.world.jobs.get_job(self.job_id).value
        polled: list[Any] = []
        self._survive(lambda _: polled.append(self.world.poll(job)), None)
        if polled and polled[0].state == "failed":
            self._survive(self.world.fail_job, FailJob(job.id, job.run, "a scene could not be filmed"))
        for item in polled[0].redraw if polled else ():
            self._survive(self._draw, DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))

    def _draw(self, picture: DrawKeyframe) -> None:
        """As the workflow does: a picture that cannot be paid or drawn fails the job."""
        try:
            self.world.draw_keyframe(picture)
        except Rejected as error:
            self.world.fail_job(FailJob(picture.job_id, picture.run, error.message))

    @rule()
    def sweep(self) -> None:
        self._survive(self.world.sweep_jobs, SweepJobs())

    @rule(seconds=st.sampled_from([1, 40, 70, 130, 500, 1100]))
    def time_passes(self, seconds: int) -> None:
        """An operation ends at the latest after the longest latency."""
        for name in self.provider.running():
            if self.provider.now_s() + seconds > self.provider.operations[name].ends_by_s:
                self.provider.end(name, None)
        self.world.clock.pass_s(seconds)

    @precondition(lambda self: self.provider.running())
    @rule(pick=st.integers(0, 9), refusal=st.sampled_from([None, None, *REFUSALS]), is_counted=st.booleans())
    def operation_ends(self, pick: int, refusal: str | None, *, is_counted: bool) -> None:
        running = self.provider.running()
        self.provider.end(running[pick % len(running)], refusal, is_counted=is_counted)

    @rule(refusal=st.sampled_from(REFUSALS), is_counted=st.booleans())
    def everything_is_sent_and_refused(self, refusal: str, *, is_counted: bool) -> None:
        """The quick way deep into the remedies."""
        self.deliver_everything()
        for name in self.provider.running():
            self.provider.end(name, refusal, is_counted=is_counted)
        self.time_passes(60)
        self.poll()
        self.poll()

    @rule(model=st.sampled_from([VEO, OMNI, KLING]))
    def a_model_accepts_no_call_for_long(self, model: str) -> None:
        """Then another one films what was not sent, where one can (ledger rule 4)."""
        self.armed, self.provider.exhausted = None, model
        self.deliver_everything()
        waiting = {call.id for call in self._calls() if call.state is CallState.PLANNED and call.unsent_since}
        self.time_passes(1100)
        self.poll()
        job = self.world.jobs.get_job(self.job_id).value
        scenes = [read.value for read in self.world.jobs.list_scenes(self.job_id)]
        current = {scene.clip_call_id(job.id): scene for scene in scenes if scene.is_live and not scene.problem}
        for call in self._calls():
            is_stuck = call.id in waiting & current.keys() and call.state is CallState.PLANNED
            if is_stuck and job.state is JobState.VIDEO_GEN:
                assert not recovery.may_change_model(job, current[call.id]), f"{call.scene} waits for {call.model}"
        self.deliver_everything()
        self.provider.exhausted = ""

    @rule(fate=st.sampled_from(FATES), writer=st.booleans())
    def order_a_fate_of_words_or_pictures(self, fate: CallFailed | Declined, *, writer: bool) -> None:
        if writer:
            self.world.text.answers.append(fate)
        else:
            self.world.images.failures.append(fate)

    @rule()
    def cancel(self) -> None:
        self._survive(lambda _: job_lifecycle.cancel(self.job_id, self.world), None)

    @rule()
    def resume(self) -> None:
        self._survive(lambda _: job_lifecycle.resume(self.job_id, None, self.world), None)

    @rule(seconds=st.integers(-60, 60))
    def the_next_one_reads_another_clock(self, seconds: int) -> None:
        """Functions run on different machines: the next actor is this far off the true time."""
        self.world.clock.is_off_by(seconds)

    @rule(release=st.integers(0, 2), quota=st.booleans())
    def a_deployment_changes_the_prompt_templates(self, release: int, *, quota: bool) -> None:
        """Perhaps while a request that met the quota waits for its next attempt."""
        if quota:
            self.provider.next = "quota"
            self.deliver_everything()
        self.templates.deploy(release)

    @rule()
    def reconcile(self) -> None:
        """The provider's export of everything up to now: filtered requests cost nothing.

        A prediction is named by its operation alone.
        """
        now = self.world.clock.true_now()
        rows = [
            BillRow(
                at=operation.accepted,
                model=operation.model.id,
                micros=operation.micros,
                storage_uri="" if operation.model.protocol == LISTED else operation.prefix,
                operation=name,
            )
            for name, operation in self.provider.operations.items()
        ]
        bill = Bill(since=START - timedelta(days=1), until=now, rows=tuple(rows), apply=True)
        self._survive(
            lambda _: reconcile(self.job_id, bill, self.world),
            None,
        )

    def _survive(self, act: Any, command: Any) -> None:
        """Whatever a step raises, the world goes on; a killed process simply is not there any more."""
        try:
            act(command)
        except (PromptreelError, Killed):
            pass
        finally:
            self.armed = None

    def _calls(self) -> list[Any]:
        return [read.value for read in self.world.jobs.list_calls(self.job_id)]

    @invariant()
    def no_scene_is_filmed_twice(self) -> None:
        if not hasattr(self, "world"):
            return
        alive = [op.scene for op in self.provider.operations.values() if not isinstance(op.state, Failed)]
        assert len(alive) == len(set(alive)), f"paid twice: {sorted(alive)}"

    @invariant()
    def budget_holds_and_covers_the_bill(self) -> None:
        if not hasattr(self, "world"):
            return
        calls = self._calls()
        committed = committed_micros(calls)
        clips = committed_micros([call for call in calls if call.kind == "video"])
        assert committed <= self.limit
        assert self.provider.bill_micros() <= clips, "something was paid that the ledger does not hold"
        assert self._answers_billed_micros() <= committed - clips, "an answer was billed that the ledger does not hold"

    @invariant()
    def every_clip_costs_what_was_billed(self) -> None:
        """To the micro-dollar; a call that was lost, or whose tokens nobody counted, at most what it reserved."""
        if not hasattr(self, "world"):
            return
        for call in self._calls():
            if call.kind != "video" or not call.is_finished:
                continue
            owed_micros = self.provider.owed_micros(self.world.artifacts.uri(call.prefix)) if call.prefix else 0
            if self._cost_is_known(call):
                assert call.counted_micros == owed_micros, f"{call.state} {call.purpose}"
            else:
                assert owed_micros <= call.counted_micros == call.reserved_micros, f"{call.state} {call.purpose}"

    def _cost_is_known(self, call: Call) -> bool:
        if call.state is CallState.LOST:
            return False
        operation = self.provider.operations.get(call.operation or "")
        is_uncounted = operation is None or (operation.usage is not None and operation.state.usage is None)  # type: ignore[union-attr]
        is_paid_by_tokens = bool(registry().video_model(call.model).tokens_per_second)
        return not (call.is_paid and is_paid_by_tokens and is_uncounted)

    def _answers_billed_micros(self) -> int:
        """What the writer and the painter answered, by their own books."""
        plan, now = self.world.jobs.get_job(self.job_id).value.require_plan(), self.world.clock.true_now()
        # A text that does not report its usage counts nothing here: what it may use is known to its question alone.
        writer, painter = registry().text_model(plan.text_model), registry().image_model(plan.image_model)
        text, location = text_tariff(writer, 0, 0), self.world.images.location
        texts = [(text, reported) for reported in self.world.text.billed]
        pictures = [
            (drawing_tariff(painter, plan.size_px, len(request.references), location=location), reported)
            for request, reported in zip(self.world.images.billed_for, self.world.images.billed, strict=True)
        ]
        return sum(tariff.cost_micros(tariff.complete(reported), now) for tariff, reported in [*texts, *pictures])

    def teardown(self) -> None:
        """Left alone, everything comes to its end, and the books agree."""
        if not hasattr(self, "world"):
            return
        try:
            self.come_to_the_end()
        finally:
            self.templates.deploy(0)

    def come_to_the_end(self) -> None:
        self.armed = None
        self.provider.next, self.provider.copy, self.provider.list_fails = "answered", "returned", False
        self.world.clock.is_off_by(0)
        for _ in range(40):
            self.keep_an_execution_alive()
            self.deliver_everything()
            self.poll()
            self.sweep()
            self.time_passes(130)
            self.no_scene_is_filmed_twice()
            self.budget_holds_and_covers_the_bill()
        calls = self._calls()
        job = self.world.jobs.get_job(self.job_id).value
        assert job.state in {JobState.STITCH, JobState.FAILED, JobState.CANCELLED}, job.state
        if job.state is JobState.STITCH:
            scenes = [read.value for read in self.world.jobs.list_scenes(self.job_id)]
            assert all(scene.state is SceneState.DONE or scene.is_given_up for scene in scenes)
        else:
            assert all(call.is_finished for call in calls), [call.state for call in calls]
        taken_over = {call.artifact for call in calls if call.has_output and call.kind == "video"}
        delivered = {state.uri for state in self.provider.delivered()}
        assert delivered == taken_over, "a delivered clip was forgotten"
        answers = [call for call in calls if call.kind != "video"]
        reported = [call for call in answers if call.usage is not None and not call.usage.assumed]
        settled = committed_micros([call for call in reported if call.state is CallState.SETTLED])
        assert settled <= self._answers_billed_micros() <= committed_micros(answers)
        self.every_clip_costs_what_was_billed()
        prefixes = {self.world.artifacts.uri(call.prefix) for call in calls if call.kind == "video" and call.prefix}
        assert {operation.prefix for operation in self.provider.operations.values()} <= prefixes

    def keep_an_execution_alive(self) -> None:
        """So that sweep_jobs does not end what the steps themselves cannot bring to its end."""
        job = self.world.jobs.get_job(self.job_id).value
        if job.is_final:
            return
        name = job.execution or self.world.executions.start(job.id, job.run)
        self.world.open_job(OpenJob(name.rpartition("/")[2], {"job_id": job.id, "run": job.run}))
        self.world.executions.active.add(name)

    def deliver_everything(self) -> None:
        for task in list(self.world.queue.tasks):
            self._survive(self.world.deliver, task)


TestMoney = Money.TestCase
TestMoney.settings = settings(
    max_examples=600,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,  # the same run every time; `make chaos` is where chance belongs
    suppress_health_check=list(HealthCheck),
)
