"""A finished film is made again by a better model, and only what is made anew is paid (docs/adr/0016)."""

from typing import Any

import pytest

from promptreel.domain.billing import Bill, Verdict
from promptreel.domain.call import Call, add_up
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import CallState, SceneState
from promptreel.errors import BudgetExceeded, Conflict, Invalid, Rejected
from promptreel.ports.models import Running
from promptreel.ports.storage import Replace
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.accept_upgrade import accept_upgrade
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.reconcile import reconcile
from promptreel.usecases.sweep_jobs import SweepJobs
from tests.factories import a_job, altered
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.services import FakeServices
from tests.fakes.system import START

VEO, OMNI = "veo-3.1-generate-001", "gemini-omni-1.2-flash"
DRAFT = {
    "checks": False,
    "prompt": "A lighthouse keeper waits",
    "owner": "mira@example.com",
    "models": {"video": OMNI},
    "scenes": 3,
    "duration_s": 18,
}
CLIP_MICROS = 6 * 400_000
WRITES = frozenset({"jobs.write", "jobs._update", "artifacts.copy", "queue.enqueue"})


def make_film(world: FakeServices, **fields: Any) -> Job:
    """A finished draft of three scenes by Gemini Omni."""
    opened = world.open_job(OpenJob(f"e-{len(world.text.requests)}", {**DRAFT, **fields}))
    job = world.jobs.get_job(opened.job_id).value
    return finish(world, job)


def finish(world: FakeServices, job: Job) -> Job:
    """Run every step of the job until it is COMPLETE."""
    world.write_storyboard(JobRun(job.id, job.run))
    world.draw_all(world.jobs.get_job(job.id).value)
    world.poll(job)
    for task in [task for task in world.queue.tasks if task.job_id == job.id and task not in world.queue.done]:
        world.deliver(task)
    for operation in [name for name, state in world.video.states.items() if isinstance(state, Running)]:
        world.video.deliver(operation)
    world.clock.pass_s(60)
    world.poll(job)
    world.give_film(job)
    assert world.close(job) == "complete"
    return world.jobs.get_job(job.id).value


def upgrade(world: FakeServices, film: Job, **asked: Any) -> Job:
    """The job of an upgrade, opened by its execution."""
    job = accept_upgrade(f"job-up{len(list(world.jobs.list_jobs(None, None, None)))}", film, asked, world)
    world.open_job(OpenJob(f"e-{job.id}", {"job_id": job.id, "run": 1}))
    return world.jobs.get_job(job.id).value


def scenes(world: FakeServices, job: Job) -> list[Scene]:
    return [read.value for read in world.jobs.list_scenes(job.id)]


def calls(world: FakeServices, job: Job) -> list[Call]:
    return [read.value for read in world.jobs.list_calls(job.id)]


def requests(world: FakeServices) -> tuple[int, int, int]:
    """How many paid requests for text, images and clips have left."""
    return len(world.text.requests), len(world.images.requests), len(world.video.requests)


def change(before: tuple[int, int, int], after: tuple[int, int, int]) -> tuple[int, ...]:
    return tuple(new - old for old, new in zip(before, after, strict=True))


def test_upgraded_film_pays_for_the_selected_scene_alone(world: FakeServices) -> None:
    film = make_film(world)
    before = requests(world)

    job = finish(world, upgrade(world, film, scenes=[2], models={"video": VEO}))

    assert change(before, requests(world)) == (0, 0, 1)
    assert world.video.requests[-1].model == VEO
    found = {call.purpose: call for call in calls(world, job)}
    assert add_up(found.values()).spent_micros == found["clip/scene-02"].cost_micros == CLIP_MICROS
    copied = {purpose: call for purpose, call in found.items() if call.source}
    assert len(copied) == 2 + 4 + 2
    assert {(call.state, call.cost_micros, call.reserved_micros) for call in copied.values()} == {
        (CallState.SETTLED, 0, 0)
    }
    originals = {call.purpose: call.id for call in calls(world, film)}
    assert {(one.source.job, one.source.call) for one in copied.values() if one.source} == {
        (film.id, originals[purpose]) for purpose in copied
    }
    assert {scene.state for scene in scenes(world, job)} == {SceneState.DONE}


def test_upgraded_film_says_which_model_filmed_what(world: FakeServices) -> None:
    film = make_film(world)

    job = finish(world, upgrade(world, film, scenes=[2], models={"video": VEO}))

    plan = job.require_plan()
    assert [plan.video_of(scene).id for scene in scenes(world, job)] == [OMNI, VEO, OMNI]
    assert [(one.kind, one.id) for one in plan.models] == [
        ("text", plan.text_model),
        ("image", plan.image_model),
        ("video", VEO),
        ("video", OMNI),
    ]
    assert f"scene-02: filmed by {VEO}; the other scenes keep their clips by {OMNI}." in job.warnings


def test_upgraded_film_keeps_texts_seeds_and_lengths_of_the_first_one(world: FakeServices) -> None:
    film = make_film(world)

    job = finish(world, upgrade(world, film, quality="standard"))

    def shape(of: Job) -> list[tuple[str, str, float]]:
        return [(scene.description, scene.motion_prompt, scene.duration_s) for scene in scenes(world, of)]

    assert shape(job) == shape(film)
    assert job.require_plan().planned_frames == film.require_plan().planned_frames
    drafts, finals = world.video.requests[:3], world.video.requests[3:]
    assert [one.seed for one in finals] == [one.seed for one in drafts]
    assert {one.model for one in finals} == {VEO}


def test_scene_keeps_its_clip_when_the_better_model_has_filmed_it_already(world: FakeServices) -> None:
    mixed = finish(world, upgrade(world, make_film(world), scenes=[2], models={"video": VEO}))
    before = requests(world)

    job = finish(world, upgrade(world, mixed, models={"video": VEO}))

    assert change(before, requests(world)) == (0, 0, 2)
    assert [scene.video_model for scene in scenes(world, job)] == [None, None, None]
    assert job.upgrade is not None
    assert job.upgrade.seed == mixed.upgrade.seed  # type: ignore[union-attr]


def test_keyframes_are_drawn_anew_from_the_same_seeds_when_the_size_changes(world: FakeServices) -> None:
    film = make_film(world, resolution="360p")
    drafts = list(world.images.requests)
    before = requests(world)

    job = finish(world, upgrade(world, film, quality="standard", resolution="720p"))

    assert change(before, requests(world)) == (0, 4, 3)
    finals = world.images.requests[len(drafts) :]
    assert [(one.seed, one.prompt) for one in finals] == [(one.seed, one.prompt) for one in drafts]
    assert {one.frame_px for one in finals} == {(1280, 720)}
    assert {call.purpose for call in calls(world, job) if call.source} == {"treatment", "storyboard"}
    assert any("drawn anew" in warning for warning in job.warnings)


def test_upgraded_film_plays_when_the_first_one_is_deleted(world: FakeServices) -> None:
    film = make_film(world)
    job = finish(world, upgrade(world, film, scenes=[1], models={"video": VEO}))
    before = world.artifacts.list(f"jobs/{job.id}/")
    delete_job.mark(film.id, world)
    for _ in range(20):
        world.clock.pass_s(300)
        world.sweep_jobs(SweepJobs())

    assert world.artifacts.list(f"jobs/{film.id}/") == []
    assert world.artifacts.list(f"jobs/{job.id}/") == before
    pieces = [piece for scene in scenes(world, job) for piece in (scene.start, scene.end, scene.clip) if piece]
    plan = job.require_plan()
    texts = [plan.storyboard_uri, plan.treatment.uri if plan.treatment else None]
    own = world.artifacts.uri(f"jobs/{job.id}/")
    assert all(uri and uri.startswith(own) for uri in (*texts, *(piece.uri for piece in pieces)))
    assert [world.artifacts.read_checksum(piece.uri) for piece in pieces] == [piece.checksum for piece in pieces]


def test_first_film_is_untouched_when_it_is_upgraded(world: FakeServices) -> None:
    film = make_film(world)
    before = (world.jobs.get_job(film.id).version, scenes(world, film), calls(world, film))

    finish(world, upgrade(world, film, quality="standard"))

    assert (world.jobs.get_job(film.id).version, scenes(world, film), calls(world, film)) == before


def test_scene_that_is_cut_from_a_longer_clip_is_named_where_the_picture_jumps(world: FakeServices) -> None:
    film = make_film(world, duration_s=21)
    frames = [scene.film_frames(24) for scene in scenes(world, film)]

    job = finish(world, upgrade(world, film, models={"video": VEO}, budget_usd=20))

    assert frames == [7 * 24] * 3
    assert {one.seconds for one in world.video.requests[-3:]} == {8}
    assert [scene.film_frames(24) for scene in scenes(world, job)] == frames
    assert job.require_plan().planned_frames == 21 * 24
    assert [warning for warning in job.warnings if "jumps" in warning] == [
        f"scene-02: cut from longer clips by {VEO}, so the picture jumps where the next scene begins."
    ]


def test_same_upgrade_costs_nothing_the_second_time(world: FakeServices) -> None:
    film = make_film(world)
    finish(world, upgrade(world, film, scenes=[2], models={"video": VEO}))
    before = requests(world)

    job = finish(world, upgrade(world, film, scenes=[2], models={"video": VEO}))

    assert change(before, requests(world)) == (0, 0, 0)
    assert add_up(calls(world, job)).spent_micros == 0


def test_upgraded_film_agrees_with_a_bill_that_has_lines_for_nothing_copied(world: FakeServices) -> None:
    job = finish(world, upgrade(world, make_film(world), scenes=[2], models={"video": VEO}))

    result = reconcile(job.id, Bill(since=START, until=world.clock.now()), world)

    paid = {finding.call.purpose for finding in result.findings if finding.verdict is not Verdict.AGREES}
    assert paid == {"clip/scene-02"}


def test_given_up_scene_stays_a_still_unless_it_is_selected(world: FakeServices) -> None:
    film = make_film(world)
    read = world.jobs.get_scene(film.id, "scene-03")
    given_up = altered(read.value, state=SceneState.FILTERED, clip=None)
    world.jobs.write(Replace(film.id, read, given_up))

    kept = finish(world, upgrade(world, film, scenes=[1], models={"video": VEO}))
    filmed = finish(world, upgrade(world, film, scenes=[3], models={"video": OMNI}))

    assert [scene.state for scene in scenes(world, kept)] == [SceneState.DONE, SceneState.DONE, SceneState.FILTERED]
    assert scenes(world, filmed)[2].state is SceneState.DONE


def test_upgrade_waits_at_no_gate_of_the_film_that_it_takes_over(world: FakeServices) -> None:
    film = make_film(world)
    gated = film.request.model_copy(update={"approval": "storyboard", "stop_after": "clips"})

    job = upgrade(world, altered(film, request=gated), quality="standard")

    assert job.request.gates == ()


class TestRefused:
    """What cannot be done is refused before anything is stored or paid."""

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({}, "does not say what is to be better"),
            ({"scenes": [2]}, "does not say what is to be better"),
            ({"models": {"video": OMNI}}, "nothing to upgrade"),
            ({"quality": "standard", "scenes": [4]}, "scenes: the film has no scene 4"),
            ({"quality": "standard", "scenes": []}, "scenes: Tuple should have at least 1 item"),
            ({"quality": "standard", "scenes": [1], "resolution": "360p"}, "resolution: quality standard films"),
            ({"models": {"video": OMNI}, "scenes": [1], "resolution": "1080p"}, "resolution: the other scenes keep"),
            ({"models": {"text": "x"}, "quality": "best"}, "models.text: there is no such field"),
            ({"models": {"video": "no-such"}}, "no-such"),
            ({"quality": "standard", "budget_usd": 0}, "budget_usd: Input should be greater than 0"),
        ],
    )
    def test_upgrade_is_refused_when_it_cannot_be_met(
        self, world: FakeServices, asked: dict[str, Any], words: str
    ) -> None:
        film = make_film(world)

        with pytest.raises(Invalid) as refused:
            upgrade(world, film, **asked)

        assert words in refused.value.message
        assert refused.value.remedy
        assert [job.id for job in world.jobs.list_jobs(None, None, None)] == [film.id]

    def test_scene_that_the_model_films_no_clip_for_is_refused_with_the_models_that_do(
        self, world: FakeServices
    ) -> None:
        film = make_film(world, duration_s=30)

        with pytest.raises(Invalid, match="films no clip of 10 s") as refused:
            upgrade(world, film, quality="best")

        assert refused.value.code == "length_not_filmed"
        assert "kwaivgi/kling-v3-video" in refused.value.remedy

    def test_limit_that_does_not_hold_the_clips_is_refused_with_the_amount(self, world: FakeServices) -> None:
        film = make_film(world)

        with pytest.raises(BudgetExceeded, match=r"needs up to 7\.20 USD"):
            upgrade(world, film, quality="standard", budget_usd=7)

        assert upgrade(world, film, quality="standard", budget_usd="7.2").budget.limit_micros == 3 * CLIP_MICROS

    def test_job_without_a_finished_film_is_refused(self, world: FakeServices) -> None:
        with pytest.raises(Conflict, match="only a finished film"):
            accept_upgrade("job-2", a_job(), {"quality": "best"}, world)


class TestInterrupted:
    """Nothing is paid twice, whoever dies or comes at the same time."""

    @pytest.mark.parametrize("after", [False, True])
    def test_upgrade_pays_once_when_its_planning_was_killed_at_any_write(self, after: bool) -> None:
        def die(name: str) -> None:
            raise Killed(name)

        killed = 0
        for number in range(200):
            world = HookedWorld()
            film = make_film(world)
            job, before = upgrade(world, film, scenes=[2], models={"video": VEO}), requests(world)
            world.at(number, die, after=after, only=WRITES)
            try:
                world.write_storyboard(JobRun(job.id, job.run))
            except Killed:
                killed += 1
            if world.is_waiting():
                break

            job = finish(world, job)

            assert change(before, requests(world)) == (0, 0, 1)
            assert add_up(calls(world, job)).spent_micros == CLIP_MICROS
            assert len(calls(world, job)) == 2 + 4 + 3
        assert killed == number >= 9

    def test_second_execution_writes_nothing_when_the_first_one_has_planned(self) -> None:
        world = HookedWorld()
        job = upgrade(world, make_film(world), scenes=[2], models={"video": VEO})
        states: list[str] = []

        def overtake(_: str) -> None:
            states.append(world.write_storyboard(JobRun(job.id, job.run)).state)

        world.at(3, overtake, only=frozenset({"artifacts.copy"}))
        states.append(world.write_storyboard(JobRun(job.id, job.run)).state)

        assert states == ["planned", "planned"]
        assert len(calls(world, job)) == 2 + 4 + 3

    def test_upgrade_fails_with_a_remedy_when_the_film_is_deleted_before_it_is_planned(
        self, world: FakeServices
    ) -> None:
        film = make_film(world)
        job = upgrade(world, film, quality="standard")
        delete_job.mark(film.id, world)

        with pytest.raises(Rejected) as refused:
            world.write_storyboard(JobRun(job.id, job.run))

        assert (refused.value.code, calls(world, job)) == ("source_deleted", [])

    @pytest.mark.parametrize("is_replaced", [False, True])
    def test_upgrade_fails_and_goes_on_when_a_clip_to_keep_was_lost_and_is_restored(
        self, world: FakeServices, is_replaced: bool
    ) -> None:
        film = make_film(world)
        clip = scenes(world, film)[0].clip
        assert clip is not None
        path, content = clip.uri.removeprefix(world.artifacts.uri("")), world.artifacts.get(clip.uri)
        job = upgrade(world, film, scenes=[2], models={"video": VEO})
        world.artifacts.delete(clip.uri)
        if is_replaced:
            world.artifacts.put(path, b"another clip", "video/mp4")

        with pytest.raises(Rejected) as refused:
            world.write_storyboard(JobRun(job.id, job.run))
        assert (refused.value.code, calls(world, job)) == ("source_damaged", [])

        world.artifacts.delete(clip.uri)
        world.artifacts.put(path, content, "video/mp4")
        finish(world, job)

    def test_upgrade_pays_nothing_when_it_was_cancelled_while_it_copied(self) -> None:
        world = HookedWorld()
        job = upgrade(world, make_film(world), quality="standard")

        def cancel(_: str) -> None:
            job_lifecycle.cancel(job.id, world)

        world.at(2, cancel, only=frozenset({"artifacts.copy"}))

        assert world.write_storyboard(JobRun(job.id, job.run)).state == "superseded"
        assert calls(world, job) == []
