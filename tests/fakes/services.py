"""The real composition over fakes: the same steps, the same ledger, nothing outside the process."""

from promptreel.domain.job import Budget, Job
from promptreel.ports.orchestration import ClipTask
from promptreel.ports.storage import Replace
from promptreel.services import Services
from promptreel.settings import Settings
from promptreel.usecases.close_job import CloseJob
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.poll_clips import ClipsPolled, PollClips
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.write_storyboard import WriteStoryboard
from tests.factories import an_output
from tests.fakes.artifacts import MemoryArtifacts, MemoryInbox
from tests.fakes.jobs import MemoryJobs
from tests.fakes.models import FakeImageGenerator, FakeTextGenerator, FakeVideoGenerator
from tests.fakes.orchestration import FakeExecutions, MemoryQueue
from tests.fakes.system import FakeClock, FakeIds

SETTINGS = Settings(
    project="p",
    region="us-central1",
    database="(default)",
    artifacts_bucket="artifacts",
    prompts_bucket="prompts",
    results_bucket="results",
    workflow="film",
    submit_clip_url="https://submit-clip.example",
    tasks_account="tasks@p.iam.gserviceaccount.com",
    operators=("ops@example.com",),
)


class FakeServices(Services):
    """A `World` whose every port is a fake, and the moves tests make most."""

    jobs: MemoryJobs
    artifacts: MemoryArtifacts
    inbox: MemoryInbox
    text: FakeTextGenerator
    images: FakeImageGenerator
    video: FakeVideoGenerator
    queue: MemoryQueue
    executions: FakeExecutions
    clock: FakeClock
    ids: FakeIds

    def __init__(self) -> None:
        super().__init__(SETTINGS)
        self.clock = FakeClock()
        self.ids = FakeIds()
        self.jobs = MemoryJobs()
        self.artifacts = MemoryArtifacts(self.clock)
        self.inbox = MemoryInbox()
        self.text = FakeTextGenerator()
        self.images = FakeImageGenerator()
        self.video = FakeVideoGenerator(self.artifacts)
        self.queue = MemoryQueue()
        self.executions = FakeExecutions()

    def opened(self, **request: object) -> Job:
        """A job opened by its first execution."""
        opened = self.open_job(OpenJob("e-1", {"prompt": "A lighthouse keeper waits", **request}))
        return self.jobs.get_job(opened.job_id).value

    def lower_limit(self, job: Job, limit_micros: int) -> None:
        """Below what a submission with this plan would need: as a price that rises after it."""
        read = self.jobs.get_job(job.id)
        self.jobs.write(Replace(job.id, read, read.value.evolve(budget=Budget(limit_micros=limit_micros))))

    def planned(self, **request: object) -> Job:
        """A job with its storyboard written."""
        job = self.opened(**request)
        self.write_storyboard(WriteStoryboard(job.id, job.run))
        return self.jobs.get_job(job.id).value

    def draw_all(self, job: Job) -> None:
        for wave in job.require_plan().waves:
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
        return self.poll_clips(PollClips(job.id, job.run))

    def give_film(self, job: Job) -> None:
        """What the stitcher writes on the job once its film is cut."""
        read = self.jobs.get_job(job.id)
        self.jobs.write(Replace(job.id, read, read.value.evolve(output=an_output())))

    def close(self, job: Job) -> str:
        return self.close_job(CloseJob(job.id, job.run)).state
