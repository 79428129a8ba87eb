"""The real steps and ledger over fakes: nothing outside the process."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from main import STEPS
from promptreel.adapters.identity import InvokerCheck
from promptreel.adapters.operators import ListedOperators
from promptreel.adapters.pictures import PillowPictures
from promptreel.domain.active_jobs import Limits
from promptreel.domain.job import Budget, Job
from promptreel.domain.models import VideoProtocol
from promptreel.http.step_handler import Step
from promptreel.ports.models import Running
from promptreel.ports.orchestration import ClipTask
from promptreel.ports.storage import Replace
from promptreel.ports.system import Identity
from promptreel.services import Services
from promptreel.usecases.check_continuity import ContinuityChecked
from promptreel.usecases.close_job import JobClosed
from promptreel.usecases.deliver_webhook import DeliverWebhook, WebhookDelivered
from promptreel.usecases.draw_keyframe import DrawKeyframe, KeyframeDrawn
from promptreel.usecases.draw_sheet import DrawSheet, SheetDrawn
from promptreel.usecases.fail_job import FailJob, JobFailed
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import Opened, OpenJob
from promptreel.usecases.poll_clips import ClipsPolled
from promptreel.usecases.submit_clip import ClipSubmitted, SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs, Swept
from promptreel.usecases.write_storyboard import StoryboardWritten
from tests.factories import an_output
from tests.fakes.artifacts import MemoryArtifacts, MemoryInbox, MemoryUploads
from tests.fakes.jobs import MemoryJobs
from tests.fakes.models import FakeImageGenerator, FakeTextGenerator, FakeVideoGenerator
from tests.fakes.orchestration import FakeExecutions, MemoryQueue
from tests.fakes.system import FakeClock, FakeIds
from tests.fakes.web import FakeWeb
from tests.fakes.webhooks import FakeReceivers, MemoryDeliveries, MemorySecrets

PROTOCOLS: frozenset[VideoProtocol] = frozenset({"veo", "interactions", "predictions"})


class FakeServices(Services):
    """`Services` whose every port is a fake, the steps over them, and the moves tests make most.

    A step gets what functions/main.py declares for it, and nothing else.
    """

    jobs: MemoryJobs
    artifacts: MemoryArtifacts
    inbox: MemoryInbox
    text: FakeTextGenerator
    images: FakeImageGenerator
    video: FakeVideoGenerator
    uploads: MemoryUploads
    web: FakeWeb
    queue: MemoryQueue
    executions: FakeExecutions
    deliveries: MemoryDeliveries
    secrets: MemorySecrets
    webhooks: FakeReceivers
    clock: FakeClock
    ids: FakeIds
    identity: Identity

    open_job: Callable[[OpenJob], Opened]
    write_storyboard: Callable[[JobRun], StoryboardWritten]
    draw_sheet: Callable[[DrawSheet], SheetDrawn]
    draw_keyframe: Callable[[DrawKeyframe], KeyframeDrawn]
    check_continuity: Callable[[JobRun], ContinuityChecked]
    submit_clip: Callable[[SubmitClip], ClipSubmitted]
    poll_clips: Callable[[JobRun], ClipsPolled]
    close_job: Callable[[JobRun], JobClosed]
    fail_job: Callable[[FailJob], JobFailed]
    sweep_jobs: Callable[[SweepJobs], Swept]
    deliver_webhook: Callable[[DeliverWebhook], WebhookDelivered]

    __setattr__ = object.__setattr__  # a test may replace a port

    def __init__(self) -> None:
        clock, ids = FakeClock(), FakeIds()
        artifacts = MemoryArtifacts(clock)
        super().__init__(
            jobs=MemoryJobs(clock, ids),
            artifacts=artifacts,
            inbox=MemoryInbox(),
            text=FakeTextGenerator(),
            images=FakeImageGenerator(),
            video=FakeVideoGenerator(artifacts),
            pictures=PillowPictures(),
            uploads=MemoryUploads(artifacts),
            web=FakeWeb(),
            queue=MemoryQueue(),
            executions=FakeExecutions(),
            deliveries=MemoryDeliveries(),
            secrets=MemorySecrets(),
            webhooks=FakeReceivers(),
            identity=InvokerCheck(),
            operators=ListedOperators(("ops@example.com",), clock),
            clock=clock,
            ids=ids,
            pace=1.0,
            keep=timedelta(days=90),
            protocols=PROTOCOLS,
            limits=Limits(active_jobs=20, requests_per_minute=600),
            veo_quota_per_minute=10**9,  # no clip waits for a slot
        )
        for name, step in STEPS.items():
            setattr(self, name, partial(self._run, step))

    def _run(self, step: Step[Any], cmd: Any) -> Any:
        return step.use_case(cmd, self.limited_to(step.uses))

    def opened(self, **request: object) -> Job:
        """A job opened by its first execution; its keyframes are checked only if a test asks for it."""
        opened = self.open_job(OpenJob("e-1", {"prompt": "A lighthouse keeper waits", "checks": False, **request}))
        return self.jobs.get_job(opened.job_id).value

    def lower_limit(self, job: Job, limit_micros: int) -> None:
        """Below what a submission with this plan would need: as a price that rises after it."""
        read = self.jobs.get_job(job.id)
        self.jobs.write(Replace(job.id, read, read.value.evolve(budget=Budget(limit_micros=limit_micros))))

    def planned(self, **request: object) -> Job:
        """A job with its storyboard written."""
        job = self.opened(**request)
        self.write_storyboard(JobRun(job.id, job.run))
        return self.jobs.get_job(job.id).value

    def draw_all(self, job: Job) -> None:
        for wave in job.require_plan().waves:
            for sheet in wave.sheets:
                self.draw_sheet(DrawSheet(job.id, job.run, sheet.sheet, sheet.take))
            for item in wave.items:
                self.draw_keyframe(DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take))

    def drawn(self, **request: object) -> Job:
        """A job with all pictures drawn and all clips queued."""
        job = self.planned(**request)
        self.draw_all(job)
        return self.jobs.get_job(job.id).value

    def submit_queued(self) -> list[str]:
        """Deliver every task once; answers the states."""
        return [self.deliver(task) for task in list(self.queue.tasks)]

    def deliver(self, task: ClipTask) -> str:
        """One delivery; the task is done unless it raises. Answers the state."""
        submitted = self.submit_clip(SubmitClip(task.job_id, task.run, task.scene, task.take, task.attempt))
        self.queue.done.add(task)
        return submitted.state

    def poll(self, job: Job) -> ClipsPolled:
        return self.poll_clips(JobRun(job.id, job.run))

    def film_queued(self, job: Job) -> str:
        """Film whatever is queued, with two further attempts; answers what the last look said."""
        for _ in range(3):
            self.submit_queued()
            for operation, state in list(self.video.states.items()):
                if isinstance(state, Running):
                    self.video.deliver(operation)
            self.clock.pass_s(60)
            polled = self.poll(job)
        return polled.state

    def give_film(self, job: Job) -> None:
        """What the stitcher writes on the job once its film is cut."""
        read = self.jobs.get_job(job.id)
        self.jobs.write(Replace(job.id, read, read.value.evolve(output=an_output())))

    def close(self, job: Job) -> str:
        return self.close_job(JobRun(job.id, job.run)).state
