"""The one place where promptreel is put together: real adapters by default, replacements for tests.

Everything is made on first use and kept: an entry point pays only for what it needs.
"""

import os
from datetime import timedelta
from functools import cache, cached_property

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.gcs import GcsArtifacts, GcsInbox
from promptreel.adapters.gemini import Gemini
from promptreel.adapters.identity import IdentityAwareProxy, InvokerCheck
from promptreel.adapters.operators import ListedOperators
from promptreel.adapters.signer import RemoteSigner
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.adapters.tasks import CloudTasksQueue
from promptreel.adapters.veo import Veo
from promptreel.adapters.workflows import WorkflowExecutions
from promptreel.ledger.claims import Ledger
from promptreel.ports.models import ImageGenerator, TextGenerator, VideoGenerator
from promptreel.ports.orchestration import ClipQueue, Executions
from promptreel.ports.storage import ArtifactStore, Inbox, JobStore
from promptreel.ports.system import Clock, Identity, Ids, Operators
from promptreel.settings import Settings
from promptreel.usecases.close_job import CloseJob, JobClosed, close_job
from promptreel.usecases.draw_keyframe import DrawKeyframe, KeyframeDrawn, draw_keyframe
from promptreel.usecases.fail_job import FailJob, JobFailed, fail_job
from promptreel.usecases.open_job import Opened, OpenJob, open_job
from promptreel.usecases.poll_clips import ClipsPolled, PollClips, poll_clips
from promptreel.usecases.submit_clip import ClipSubmitted, SubmitClip, submit_clip
from promptreel.usecases.sweep_jobs import SweepJobs, Swept, sweep_jobs
from promptreel.usecases.write_storyboard import StoryboardWritten, WriteStoryboard, write_storyboard


class Services:
    """Everything the steps and the API need, by the names they ask for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def pace(self) -> float:
        return self.settings.pace

    @property
    def keep(self) -> timedelta:
        return timedelta(days=self.settings.keep_days)

    @cached_property
    def jobs(self) -> JobStore:
        return FirestoreJobs(self.settings.project, self.settings.database)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        signer = RemoteSigner(self.settings.signer_url)
        return GcsArtifacts(self.settings.project, self.settings.artifacts_bucket, signer, self.settings.media_url)

    @cached_property
    def inbox(self) -> Inbox:
        return GcsInbox(self.settings.project, self.settings.results_bucket)

    @cached_property
    def _gemini(self) -> Gemini:
        return Gemini(self.settings.project, self.settings.text_location, self.settings.vertex_url)

    @cached_property
    def text(self) -> TextGenerator:
        return self._gemini

    @cached_property
    def images(self) -> ImageGenerator:
        return self._gemini

    @cached_property
    def video(self) -> VideoGenerator:
        return Veo(self.settings.project, self.settings.veo_location, self.settings.vertex_url)

    @cached_property
    def queue(self) -> ClipQueue:
        where = self.settings
        return CloudTasksQueue(where.project, where.region, where.tasks_url, where.submit_clip_url, where.tasks_account)

    @cached_property
    def executions(self) -> Executions:
        where = self.settings
        return WorkflowExecutions(where.project, where.region, where.workflow, where.executions_url)

    @cached_property
    def clock(self) -> Clock:
        return SystemClock()

    @cached_property
    def identity(self) -> Identity:
        audience = self.settings.iap_audience
        return IdentityAwareProxy(audience, self.clock) if audience else InvokerCheck()

    @cached_property
    def operators(self) -> Operators:
        return ListedOperators(self.settings.operators, self.clock)

    @cached_property
    def ids(self) -> Ids:
        return SystemIds()

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.jobs, self.clock, self.ids, self.pace)

    def open_job(self, cmd: OpenJob) -> Opened:
        return open_job(
            cmd,
            jobs=self.jobs,
            inbox=self.inbox,
            executions=self.executions,
            clock=self.clock,
            ids=self.ids,
            keep=self.keep,
        )

    def write_storyboard(self, cmd: WriteStoryboard) -> StoryboardWritten:
        return write_storyboard(
            cmd,
            jobs=self.jobs,
            artifacts=self.artifacts,
            writer=self.text,
            ledger=self.ledger,
            clock=self.clock,
            ids=self.ids,
        )

    def draw_keyframe(self, cmd: DrawKeyframe) -> KeyframeDrawn:
        return draw_keyframe(
            cmd,
            jobs=self.jobs,
            artifacts=self.artifacts,
            writer=self.text,
            painter=self.images,
            queue=self.queue,
            ledger=self.ledger,
            clock=self.clock,
            ids=self.ids,
        )

    def submit_clip(self, cmd: SubmitClip) -> ClipSubmitted:
        return submit_clip(
            cmd,
            jobs=self.jobs,
            artifacts=self.artifacts,
            writer=self.text,
            filmer=self.video,
            ledger=self.ledger,
            clock=self.clock,
            ids=self.ids,
            pace=self.pace,
        )

    def poll_clips(self, cmd: PollClips) -> ClipsPolled:
        return poll_clips(
            cmd,
            jobs=self.jobs,
            artifacts=self.artifacts,
            filmer=self.video,
            queue=self.queue,
            ledger=self.ledger,
            clock=self.clock,
            ids=self.ids,
            pace=self.pace,
        )

    def close_job(self, cmd: CloseJob) -> JobClosed:
        return close_job(cmd, jobs=self.jobs, clock=self.clock, ids=self.ids)

    def fail_job(self, cmd: FailJob) -> JobFailed:
        return fail_job(cmd, jobs=self.jobs, clock=self.clock, ids=self.ids)

    def sweep_jobs(self, _: SweepJobs) -> Swept:
        return sweep_jobs(
            jobs=self.jobs,
            artifacts=self.artifacts,
            inbox=self.inbox,
            filmer=self.video,
            executions=self.executions,
            ledger=self.ledger,
            clock=self.clock,
            ids=self.ids,
            pace=self.pace,
        )


@cache
def from_environment() -> Services:
    """The real world of this process, from its environment."""
    return Services(Settings.from_env(os.environ))
