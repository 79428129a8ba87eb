"""Run the real film.yaml over the real steps, which run over fakes: a whole film in milliseconds.

This module replaces the stitcher only. Sleeps of the workflow advance the clock of the steps and take no real time.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud.tests.workflows.conftest import Played, ScriptedRuntime, play_source
from localcloud.workflows.faults import fault
from main import STEPS
from promptreel.domain.job import Animatic, Job
from promptreel.http.step_handler import answer
from promptreel.ports.storage import Replace
from promptreel.usecases.submit_clip import SubmitClip
from tests.factories import an_output
from tests.fakes.services import FakeServices
from tests.fakes.system import START

SOURCE = (Path(__file__).parents[2] / "workflows" / "film.yaml").read_text()
CALLED = (
    "open_job",
    "write_storyboard",
    "draw_sheet",
    "draw_keyframe",
    "check_continuity",
    "poll_clips",
    "close_job",
    "fail_job",
)
EXECUTION_ID = "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"
ENV = {
    EXECUTION_ID: "e-1",
    "STITCHER_URL": "https://stitcher",
    **{f"{step.upper()}_URL": f"https://{step}" for step in CALLED},
}

Reply = tuple[int | str, Any]  # an HTTP status, or the tag of an error without one
Interference = Callable[[str, Any], Reply | None]


class FilmRun:
    """One execution of film.yaml. ``interfere`` may answer a request instead of the step: ``(status, body)``."""

    def __init__(self, world: FakeServices, interfere: Interference = lambda step, body: None) -> None:
        self.world = world
        self.interfere = interfere
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.filmed_s: dict[str, float] = {}

    def play(self, argument: Any, execution: str = "e-1") -> Played:
        scripted = ScriptedRuntime(answer=self._answer)
        self._now_s = scripted.now_s
        return play_source(SOURCE, argument, runtime=scripted, env={**ENV, EXECUTION_ID: execution})

    def job(self) -> Job:
        (job,) = self.world.jobs.list_jobs("operators", None, None)
        return job

    def count(self, step: str) -> int:
        return self.calls.count(step)

    def _answer(self, request: dict[str, Any]) -> Any:
        step = request["url"].removeprefix("https://").replace("/", "_")
        assert request["auth"] == {
            "type": "OIDC",
            "audience": f"https://{step.partition('_film')[0].removesuffix('_animatic')}",
        }
        self.calls.append(step)
        self.headers.append(request["headers"])
        self._advance_clock()
        self._deliver_tasks()
        status, body = self.interfere(step, request["body"]) or self._step(step, request["body"])
        if isinstance(status, str):
            raise fault(status, f"{step} did not answer")
        if status >= 400:
            raise fault("HttpError", f"HTTP server responded with error code {status}", code=status, body=body)
        return {"code": status, "headers": {}, "body": body}

    def _step(self, step: str, body: Any) -> Reply:
        if step == "stitcher_film":
            return 200, self._stitch(body["job_id"])
        if step == "stitcher_animatic":
            return 200, self._show(body["job_id"])
        reply, status = answer(STEPS[step], body, lambda: self.world)
        return status, reply

    def _advance_clock(self) -> None:
        behind_s = self._now_s() - 1_700_000_000.0 - (self.world.clock.now() - START).total_seconds()
        if behind_s > 0:
            self.world.clock.pass_s(behind_s)

    def _deliver_tasks(self) -> None:
        """Act as queue and Veo between two steps: deliver every task, complete every clip after a minute."""
        for task in list(self.world.queue.tasks):
            if self.world.jobs.get_job(task.job_id).value.run == task.run:
                self.world.submit_clip(SubmitClip(task.job_id, task.run, task.scene, task.take, task.attempt))
        for operation, state in self.world.video.states.items():
            since = self.filmed_s.setdefault(operation, self._now_s())
            if type(state).__name__ == "Running" and self._now_s() - since >= 60:
                self.world.video.deliver(operation)

    def _show(self, job_id: str) -> dict[str, Any]:
        read = self.world.jobs.get_job(job_id)
        assert all(scene.value.keyframes_drawn for scene in self.world.jobs.list_scenes(job_id))
        shown = Animatic(uri="gs://artifacts/animatic.mp4", frames=read.value.require_plan().planned_frames)
        self.world.jobs.write(Replace(job_id, read, read.value.evolve(animatic=shown)))
        return {"state": "done", "wait_s": 0}

    def _stitch(self, job_id: str) -> dict[str, Any]:
        read = self.world.jobs.get_job(job_id)
        frames = read.value.require_plan().planned_frames
        self.world.jobs.write(Replace(job_id, read, read.value.evolve(output=an_output(frames))))
        return {"state": "done", "wait_s": 0}
