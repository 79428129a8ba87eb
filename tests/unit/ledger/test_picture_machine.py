"""Sheets, keyframes and their check under any order of events: steps repeated, workers killed, writes and answers lost.

One job of three scenes, planned as a chain or with sheets. The steps are delivered as the workflow may deliver them,
each again at any time. Beside the ledger stand the models' own books; whatever happens, the two must agree.
"""

import json
from functools import partial
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from promptreel.domain.call import CUT_OFF, Call, committed_micros
from promptreel.domain.job import DrawItem, Job, SheetItem
from promptreel.domain.models import registry
from promptreel.domain.picture_inputs import PictureSources, list_inputs
from promptreel.domain.states import CallState, JobState
from promptreel.domain.tariffs import ReportedUsage, drawing_tariff, text_tariff
from promptreel.domain.verdict import Verdict, check_limits
from promptreel.errors import AnswerLost, CallFailed, PromptreelError, Refused, Rejected, Throttled
from promptreel.ports.models import Declined, TextRequest, TextResult
from promptreel.usecases import job_lifecycle
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.draw_sheet import DrawSheet
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.hooks import FailingWrites, Killed
from tests.fakes.models import FakeTextGenerator, a_storyboard, a_verdict
from tests.fakes.services import FakeServices

PICTURE_MICROS = 80_000
BOARD = a_storyboard(
    characters=[{"name": "Mira", "description": "grey coat"}, {"name": "Otto", "description": "a small dog"}],
    settings=[{"name": "Tower", "description": "white stone"}],
)
# Fates of an answer. One without output is billed; one without usage counts at its reserved price.
FATES: tuple[CallFailed | Declined, ...] = (
    Refused("unwilling"),
    AnswerLost("reset"),
    Throttled("429"),
    Declined("unwilling, in words", (), ReportedUsage(input=300, output=200, picture=0)),
    Declined("cut off", (CUT_OFF,), ReportedUsage(input=300, output=900)),
    Declined("nothing is reported", (), ReportedUsage()),
)


class Judge(FakeTextGenerator):
    """Finds that keyframes drift, as often as it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.drifting = 0

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        if request.schema is Verdict and self.drifting and not self.verdicts:
            self.drifting -= 1
            self.verdicts = [json.dumps(a_verdict(request, keyframe="The coat is red."))]
        return super().generate_text(request, timeout_s)


class Pictures(FailingWrites, RuleBasedStateMachine):
    """One planned job; everything after that is up to the rules."""

    @initialize(spare=st.sampled_from([0, 1, 3, 20]), mode=st.sampled_from(["chain", "sheet"]))
    def begin(self, spare: int, mode: str) -> None:
        self.world = FakeServices()
        self.text = self.world.text = Judge()
        self.text.answers = [json.dumps(BOARD)]
        job = self.world.planned(scenes=3, continuity=mode, checks=True)
        self.job_id = job.id
        self.limit = committed_micros(self._calls()) + spare * PICTURE_MICROS
        self.world.lower_limit(job, self.limit)
        self.fail_writes_of(self.world.jobs)

    @rule(countdown=st.integers(0, 4), fault=st.sampled_from(["killed_before", "killed_after", "answer_lost"]))
    def arm_a_write(self, countdown: int, fault: str) -> None:
        self.armed = (countdown, fault)

    @rule(fate=st.sampled_from(FATES), is_judge=st.booleans())
    def order_a_fate(self, fate: CallFailed | Declined, *, is_judge: bool) -> None:
        if is_judge:
            self.text.verdicts.append(fate)
        else:
            self.world.images.failures.append(fate)

    @rule(pick=st.integers(0, 20))
    def draw(self, pick: int) -> None:
        """The next picture, or one that was drawn before, again."""
        due = self._list_due()
        if due:
            self._survive(lambda: self._draw(due[pick % len(due)]))

    @rule()
    def draw_everything(self) -> None:
        for _ in range(12):
            before = self._list_due()
            for item in before:
                self._survive(partial(self._draw, item))
            if self._list_due() == before:
                break

    @rule(drifting=st.integers(0, 1))
    def check(self, drifting: int = 0) -> None:
        self.text.drifting = drifting
        self._survive(self._check)

    @rule(drifting=st.sampled_from([0, 1, 4, 12]))
    def draw_and_check_to_the_end(self, drifting: int) -> None:
        """The quick way deep into the redraws."""
        self.text.drifting = drifting
        self.draw_everything()
        for _ in range(12):
            self._survive(self._check)

    @rule()
    def poll(self) -> None:
        self._survive(lambda: self.world.poll(self._job()))

    @rule()
    def sweep(self) -> None:
        self._survive(lambda: self.world.sweep_jobs(SweepJobs()))

    @rule(seconds=st.sampled_from([1, 70, 130, 500]))
    def time_passes(self, seconds: int) -> None:
        self.world.clock.pass_s(seconds)

    @rule()
    def cancel(self) -> None:
        self._survive(lambda: job_lifecycle.cancel(self.job_id, self.world))

    @rule()
    def resume(self) -> None:
        self._survive(lambda: job_lifecycle.resume(self.job_id, None, self.world))

    def _job(self) -> Job:
        return self.world.jobs.get_job(self.job_id).value

    def _calls(self) -> list[Call]:
        return [read.value for read in self.world.jobs.list_calls(self.job_id)]

    def _list_due(self) -> list[DrawItem | SheetItem]:
        """What the workflow may have drawn by now: a wave begins when the one before has ended."""
        jobs, due = self.world.jobs, list[DrawItem | SheetItem]()
        sheets = {read.value.id: read.value for read in jobs.list_sheets(self.job_id)}
        scenes = {read.value.id: read.value for read in jobs.list_scenes(self.job_id)}
        for wave in self._job().require_plan().waves:
            due += [*wave.sheets, *wave.items]
            awaited = [sheets[item.sheet].is_awaited for item in wave.sheets]
            if any(awaited) or any(scenes[item.scene].keyframe(item.frame) is None for item in wave.items):
                break
        return due

    def _draw(self, item: DrawItem | SheetItem) -> str:
        """As the workflow does: a keyframe that cannot be paid or drawn fails the job."""
        job = self._job()
        if isinstance(item, SheetItem):
            return self.world.draw_sheet(DrawSheet(job.id, job.run, item.sheet, item.take)).state
        before = len(self.world.images.requests)
        wanted = self._list_wanted(job, item)
        try:
            return self.world.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take)).state
        except Rejected as error:
            self.world.fail_job(FailJob(job.id, job.run, error.message))
            return "failed"
        finally:
            for request in self.world.images.requests[before:]:
                assert list(request.references) == wanted, item

    def _list_wanted(self, job: Job, item: DrawItem) -> list[str]:
        plan, scene = job.require_plan(), self.world.jobs.get_scene(job.id, item.scene).value
        sheets = [read.value for read in self.world.jobs.list_sheets(job.id)]
        model = registry().image_model(plan.image_model)
        sent = list_inputs(PictureSources.of(job, plan, sheets), scene, item.frame, model).sent
        assert all(picture.uri for picture in sent), item
        return [str(picture.uri) for picture in sent]

    def _check(self) -> None:
        """Once every keyframe has been drawn, as the workflow does; what is wrong is drawn again, one by one."""
        scenes = [read.value for read in self.world.jobs.list_scenes(self.job_id)]
        if not all(scene.start and scene.end for scene in scenes):
            return
        checked = self.world.check_continuity(JobRun(self.job_id, self._job().run))
        for wave in checked.waves:
            for item in wave.items:
                if self._draw(item) == "busy":
                    return

    def _survive(self, act: Any) -> None:
        """Whatever a step raises, the world goes on; a killed process simply is not there any more."""
        try:
            act()
        except (PromptreelError, Killed):
            pass
        finally:
            self.armed = None

    @invariant()
    def budget_holds_and_covers_the_bill(self) -> None:
        if not hasattr(self, "armed"):
            return
        calls = self._calls()
        assert committed_micros(calls) <= self.limit
        billed = self._billed_micros()
        assert billed <= committed_micros([call for call in calls if call.kind != "video"]), "an answer is not held"

    @invariant()
    def no_clip_is_queued_before_the_check_has_ended(self) -> None:
        if hasattr(self, "armed") and self._job().check is None:
            assert not self.world.queue.tasks

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        """A sheet once; a keyframe once, and again as often as the check may have it drawn again."""
        if not hasattr(self, "armed"):
            return
        outputs = [call for call in self._calls() if call.has_output and call.kind == "image"]
        for call in outputs:
            again = sum((one.purpose, one.take) == (call.purpose, call.take) for one in outputs) - 1
            assert again <= (0 if call.purpose.startswith("sheet/") else check_limits().redraws_of_one), call.purpose

    def _billed_micros(self) -> int:
        """What the writer and the painter answered, by their own books; a text that reports nothing counts nothing."""
        plan, now = self._job().require_plan(), self.world.clock.true_now()
        writer, painter = registry().text_model(plan.text_model), registry().image_model(plan.image_model)
        texts = [(text_tariff(writer, 0, 0), reported) for reported in self.world.text.billed]
        pictures = [
            (drawing_tariff(painter, request.frame_px, len(request.references)), reported)
            for request, reported in zip(self.world.images.billed_for, self.world.images.billed, strict=True)
        ]
        return sum(tariff.cost_micros(tariff.complete(reported), now) for tariff, reported in [*texts, *pictures])

    def teardown(self) -> None:
        """Left alone, the pictures come to their end, and the books agree."""
        if not hasattr(self, "armed"):
            return
        self.armed = None
        self.text.verdicts, self.text.drifting, self.world.images.failures = [], 0, []
        for _ in range(12):
            self.keep_an_execution_alive()
            self.draw_everything()
            self.check(drifting=0)
            self.sweep()
            self.time_passes(130)
            self.budget_holds_and_covers_the_bill()
        job, calls = self._job(), self._calls()
        assert job.state in {JobState.VIDEO_GEN, JobState.FAILED, JobState.CANCELLED}, job.state
        if job.state is JobState.VIDEO_GEN:
            assert job.check is not None
            assert len({task.scene for task in self.world.queue.tasks}) == 3
        else:
            assert all(call.is_finished for call in calls), [call.state for call in calls]
        answers = [call for call in calls if call.kind != "video"]
        reported = [call for call in answers if call.usage is not None and not call.usage.assumed]
        settled = committed_micros([call for call in reported if call.state is CallState.SETTLED])
        assert settled <= self._billed_micros() <= committed_micros(answers)

    def keep_an_execution_alive(self) -> None:
        """So that sweep_jobs does not end what the steps themselves cannot bring to its end."""
        job = self._job()
        if job.is_final:
            return
        name = job.execution or self.world.executions.start(job.id, job.run)
        self.world.open_job(OpenJob(name.rpartition("/")[2], {"job_id": job.id, "run": job.run}))
        self.world.executions.active.add(name)


TestPictures = Pictures.TestCase
TestPictures.settings = settings(
    max_examples=150,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,  # the same run every time; `make chaos` is where chance belongs
    suppress_health_check=list(HealthCheck),
)
