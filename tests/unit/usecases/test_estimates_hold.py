"""Estimates against the ledgers of 300 films with random refusals, which the real steps make in memory.

Ten owners film thirty requests each. How often models refuse an owner is drawn for each, and neither the registry nor
the first estimates know it; codes, tokens and the writer's number of scenes are drawn too, by other rules than those
that `data/estimate.json` assumes. Lost answers and failures of the provider are left out, as estimates do.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest

from promptreel.domain import remedies
from promptreel.domain.call import add_up
from promptreel.domain.estimate import Range
from promptreel.domain.job import DrawItem, Job
from promptreel.domain.models import TokenUsage, registry
from promptreel.domain.scene import Scene
from promptreel.domain.storyboard import Storyboard
from promptreel.domain.tariffs import ReportedUsage
from promptreel.domain.verdict import Verdict
from promptreel.errors import PromptreelError, Refused
from promptreel.ports.models import (
    Declined,
    Failed,
    ImageRequest,
    ImageResult,
    Operation,
    OperationState,
    Running,
    Succeeded,
    TextRequest,
    TextResult,
    VideoRequest,
)
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.draw_sheet import DrawSheet
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.fakes.artifacts import MemoryArtifacts
from tests.fakes.models import (
    FakeImageGenerator,
    FakeTextGenerator,
    FakeVideoGenerator,
    a_storyboard,
    a_verdict,
    reported,
)
from tests.fakes.services import FakeServices

OWNERS, FILMS_OF_AN_OWNER = 10, 30
SEED = 20261130
REASONS = list(remedies.refusals())
VIDEO_MODELS = (None, None, "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video", "veo-3.1-fast-generate-001")


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of attempts in vain that one owner meets."""

    text: float
    image: float
    video: float
    drifting: float
    """Of keyframes that the judge looks at."""


class RandomWriter(FakeTextGenerator):
    """Writes a number of scenes that it may choose; its answers vary in length."""

    def __init__(self, random: Random, shares: Shares) -> None:
        super().__init__()
        self._random, self._share, self._drifting = random, shares.text, shares.drifting
        self.scene_range = (3, 6)

    def generate_text(self, request: TextRequest, timeout_s: float) -> TextResult | Declined:
        sent = len(request.instruction) + len(request.prompt) + len(json.dumps(request.schema.model_json_schema()))
        seen = len(request.pictures) * self._random.randint(800, 1120)
        written = int(request.max_output_tokens * self._random.uniform(0.15, 0.55))
        usage = ReportedUsage(input=int(sent / self._random.uniform(3, 5)) + seen, output=written, picture=0)
        if self._random.random() < self._share:
            refused = self._random.random() < 0.5
            return Declined("no", ("PROHIBITED_CONTENT",), usage) if refused else TextResult("{}", usage)
        if request.schema is Storyboard:
            self.answers = [json.dumps(a_random_storyboard(self._random, self.scene_range))]
        if request.schema is Verdict:
            self.verdicts = [json.dumps(a_random_verdict(request, self._random, self._drifting))]
        answer = super().generate_text(request, timeout_s)
        assert isinstance(answer, TextResult)
        return TextResult(answer.text, usage)


def a_random_storyboard(random: Random, scene_range: tuple[int, int]) -> dict[str, object]:
    """Casts, places and props differ in number; all of them are shown somewhere."""
    people, places, things = (
        [{"name": f"{kind} {number}", "description": "as ever"} for number in range(random.randint(fewest, most))]
        for kind, fewest, most in (("Person", 1, 3), ("Place", 1, 3), ("Thing", 0, 2))
    )
    board = a_storyboard(random.randint(*scene_range), characters=people, settings=places, props=things)
    scenes: list[dict[str, object]] = board["scenes"]  # type: ignore[assignment]
    for field, named in (("characters", people), ("settings", places), ("props", things)):
        for place, one in enumerate(named):
            for scene in {place % len(scenes), random.randrange(len(scenes))}:
                scenes[scene][field] = [*scenes[scene].get(field, ()), one["name"]]  # type: ignore[misc]
    return board


def a_random_verdict(request: TextRequest, random: Random, drifting: float) -> dict[str, Any]:
    """Each picture drifts with this probability."""
    verdict: dict[str, Any] = a_verdict(request)
    for picture in verdict["pictures"]:
        if random.random() < drifting:
            picture.update(place=random.uniform(0, 0.5), drift="The wall is blue.", worst="place")
    return verdict


class RandomPainter(FakeImageGenerator):
    """Refuses in words, which is billed, or before it begins."""

    def __init__(self, random: Random, share: float) -> None:
        super().__init__()
        self._random, self._share = random, share

    def generate_image(self, request: ImageRequest, timeout_s: float) -> ImageResult | Declined:
        model = registry().image_model(request.model)
        sent = len(request.prompt) // 4 + len(request.references) * model.reference_tokens
        words = self._random.randint(20, 120)
        if self._random.random() < self._share:
            if self._random.random() < 0.4:
                raise Refused("no", codes=("IMAGE_SAFETY",))
            return Declined("no", ("IMAGE_SAFETY",), reported(TokenUsage(input=sent, output=words)))
        drawn = super().generate_image(request, timeout_s)
        assert isinstance(drawn, ImageResult)
        usage = TokenUsage(input=sent, output=words, picture=model.picture_tokens[request.size])
        return ImageResult(drawn.data, reported(usage), drawn.drawn_px, drawn.content_px)


class RandomStudio(FakeVideoGenerator):
    """Refuses a request at once or an operation after a while; what is paid by tokens reports them."""

    def __init__(self, artifacts: MemoryArtifacts, random: Random, share: float) -> None:
        super().__init__(artifacts)
        self._random, self._share = random, share
        self._weights = [random.expovariate(1) for _ in REASONS]
        self._ordered: dict[str, VideoRequest] = {}

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        if self._random.random() < self._share * 0.3:
            raise Refused("no", codes=(self._reason(),))
        operation = super().submit(request, output_uri, timeout_s)
        self._ordered[operation] = request
        return operation

    def poll_all(self, operations: Any, within_s: float) -> Mapping[str, OperationState | PromptreelError]:
        asked: list[Operation] = list(operations)
        for operation in asked:
            if isinstance(self.states[operation.name], Running):
                self._end(operation.name)
        return super().poll_all(asked, within_s)

    def _reason(self) -> str:
        return self._random.choices(REASONS, self._weights)[0]

    def _end(self, operation: str) -> None:
        request = self._ordered[operation]
        per_second = registry().video_model(request.model).tokens_per_second.get(request.resolution)
        sent = TokenUsage(input=len(request.prompt) // 4 + 2240, output=self._random.randint(0, 300))
        if self._random.random() < self._share * 0.7 / (1 - self._share * 0.3):
            code = self._reason()
            self.states[operation] = Failed("no", (code,), sent if per_second else None)
            return
        uri = self.deliver(operation)
        if per_second:
            usage = sent.model_copy(update={"picture": per_second * request.seconds})
            self.states[operation] = Succeeded(uri, usage)


class RandomWorld(FakeServices):
    """One owner's films."""

    text: RandomWriter

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        of_models = (random.uniform(0, 0.06), random.uniform(0, 0.1), random.uniform(0, 0.25))
        shares = Shares(*of_models, drifting=random.uniform(0, 0.25))
        self.text = RandomWriter(random, shares)
        self.images = RandomPainter(random, shares.image)
        self.video = RandomStudio(self.artifacts, random, shares.video)

    def film(self, number: int) -> Job:
        """Make the film of a random request until nothing of it is open; it may fail on its way."""
        job = self._open(number)
        try:
            self._make(job)
        except PromptreelError as error:
            self.fail_job(FailJob(job.id, job.run, {"code": error.code, "message": error.message}))
        for _ in range(3):
            self.clock.pass_s(1200)
            self.sweep_jobs(SweepJobs())
        return self.jobs.get_job(job.id).value

    def _open(self, number: int) -> Job:
        while True:
            try:
                opened = self.open_job(OpenJob(f"e-{number}", self._request()))
            except PromptreelError:  # a length, resolution or budget that does not go with the rest
                continue
            job = self.jobs.get_job(opened.job_id).value
            assert job.estimate is not None
            self.text.scene_range = job.estimate.scenes
            return job

    def _request(self) -> dict[str, Any]:
        random = self.random
        return {
            "prompt": "A lighthouse keeper waits. " * random.randint(1, 40),
            "scenes": random.choice((None, 1, 2, 3, 4, 6, 9, 12)),
            "duration_s": random.choice((None, None, 12, 24, 40)),
            "resolution": random.choice(("720p", "720p", "1080p", "4k")),
            "quality": random.choice(("draft", "standard", "best")),
            "models": {"video": random.choice(VIDEO_MODELS)},
            "clip_audio": random.random() < 0.7,
            "on_scene_failure": random.choice(("still", "still", "omit", "fail")),
            "budget_usd": random.choice((None, 200, 200, round(random.uniform(1, 30), 2))),
            "continuity": random.choice(("chain", "sheet", "auto")),
            "checks": random.random() < 0.6,
            "cache": False,
        }

    def _make(self, job: Job) -> None:
        run = JobRun(job.id, job.run)
        self.write_storyboard(run)
        self._draw_all(job)
        while True:
            self.clock.pass_s(300)
            polled = self.poll_clips(run)
            if polled.state != "filming":
                break
            for item in polled.redraw:
                self._draw(job, item)
            self._submit()
        if polled.problem is not None:
            raise PromptreelError(polled.problem.message, code=polled.problem.code)
        self.give_film(job)
        self.close(job)

    def _draw_all(self, job: Job) -> None:
        """Sheets and keyframes, and those again that the check finds wrong."""
        for wave in self.jobs.get_job(job.id).value.require_plan().waves:
            for sheet in wave.sheets:
                while self.draw_sheet(DrawSheet(job.id, job.run, sheet.sheet, sheet.take)).state == "busy":
                    pass
            for item in wave.items:
                self._draw(job, item)
                self._submit()
        while (checked := self.check_continuity(JobRun(job.id, job.run))).state != "done":
            for wave in checked.waves:
                for item in wave.items:
                    self._draw(job, item)
        self._submit()

    def _draw(self, job: Job, item: DrawItem) -> None:
        command = DrawKeyframe(job.id, job.run, item.scene, item.frame, item.take)
        while self.draw_keyframe(command).state == "busy":
            pass

    def _submit(self) -> None:
        for task in [task for task in self.queue.tasks if task not in self.queue.done]:
            self.deliver(task)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a film was estimated at, and what its ledger came to."""

    calls: Range
    spent_micros: int
    limit_micros: int
    state: str
    given_up: int
    mode: str
    is_checked: bool
    request: Mapping[str, Any]

    @property
    def is_bracketed(self) -> bool:
        return self.calls.low <= self.spent_micros <= self.calls.high


def make_films() -> list[Outcome]:
    outcomes = []
    for owner in range(OWNERS):
        world = RandomWorld(Random(SEED + owner))
        for number in range(FILMS_OF_AN_OWNER):
            job = world.film(number)
            calls = [read.value for read in world.jobs.list_calls(job.id)]
            totals = add_up(calls)
            assert (job.is_final, totals.reserved_micros) == (True, 0), job.id
            assert job.estimate is not None
            scenes: Sequence[Scene] = [read.value for read in world.jobs.list_scenes(job.id)]
            given_up = sum(scene.is_given_up for scene in scenes)
            request = job.request.model_dump(mode="json", exclude={"prompt"}, exclude_defaults=True)
            outcomes.append(
                Outcome(
                    job.estimate.calls,
                    totals.spent_micros,
                    job.request.limit_micros,
                    job.state,
                    given_up,
                    job.plan.continuity.mode if job.plan else "none",
                    job.request.checks,
                    request,
                )
            )
    return outcomes


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return make_films()


def test_estimates_bracket_the_ledger_of_at_least_95_of_100_films(outcomes: list[Outcome]) -> None:
    missed = [one for one in outcomes if not one.is_bracketed]

    assert len(outcomes) == 300
    assert len(missed) <= 0.05 * len(outcomes), missed


@pytest.mark.parametrize("mode", ["chain", "sheet"])
@pytest.mark.parametrize("is_checked", [True, False])
def test_estimates_hold_for_films_of_each_sort(outcomes: list[Outcome], mode: str, is_checked: bool) -> None:
    films = [one for one in outcomes if (one.mode, one.is_checked) == (mode, is_checked)]

    assert len(films) >= 50
    assert sum(not one.is_bracketed for one in films) <= 0.08 * len(films)
    spent = sum(one.spent_micros for one in films)
    assert sum(one.calls.expected for one in films) == pytest.approx(spent, rel=0.1)


def test_expected_price_is_within_a_tenth_of_the_ledgers_mean(outcomes: list[Outcome]) -> None:
    spent = sum(one.spent_micros for one in outcomes)

    assert sum(one.calls.expected for one in outcomes) == pytest.approx(spent, rel=0.1)


def test_no_estimate_and_no_ledger_exceeds_the_limit(outcomes: list[Outcome]) -> None:
    assert all(max(one.calls.high, one.spent_micros) <= one.limit_micros for one in outcomes)


def test_films_meet_refusals_failures_and_given_up_scenes(outcomes: list[Outcome]) -> None:
    """Otherwise the tests above prove little."""
    assert sum(one.given_up for one in outcomes) >= 10
    assert {"COMPLETE", "FAILED"} == {one.state for one in outcomes}
    assert sum(one.spent_micros != one.calls.expected for one in outcomes) >= 200
