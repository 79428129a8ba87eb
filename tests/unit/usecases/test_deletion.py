"""A deleted job stays deleted, whichever worker is interrupted or comes late (docs/adr/0004)."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from promptreel.domain.job import Job, Output
from promptreel.domain.render import Render
from promptreel.domain.states import JobState
from promptreel.errors import NotFound, PromptreelError, Transient
from promptreel.ports.models import Running, Succeeded
from promptreel.ports.storage import Create
from promptreel.usecases import delete_job, job_lifecycle
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.draw_keyframe import DrawKeyframe
from promptreel.usecases.fail_job import FailJob
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from promptreel.usecases.submit_clip import SubmitClip
from promptreel.usecases.sweep_jobs import SweepJobs
from stitcher_service.jobs.film_edit import FilmEdit
from stitcher_service.jobs.renders import RenderRequest, RenderResult
from stitcher_service.jobs.services import StitcherServices
from stitcher_service.jobs.stitch_film import stitch_film
from tests.factories import a_render
from tests.fakes.hooks import HookedWorld, Killed
from tests.fakes.services import FakeServices

SERVICES = Path(__file__).parents[3] / "infra" / "config" / "services.json"
WRITES = frozenset(
    {"jobs.write", "jobs.delete_owned_documents", "artifacts.delete", "inbox.delete_report", "executions.cancel"}
)
TEXT_MICROS, PICTURE_MICROS, CLIP_MICROS = 8_250, 67_570, 2_400_000
PAYING = frozenset({"text.generate_text", "images.generate_image", "video.submit"})


def delete(world: FakeServices, job_id: str) -> Job:
    return delete_job.mark(job_id, world)


def resume(world: FakeServices, job_id: str) -> Job:
    return job_lifecycle.resume(job_id, None, world)


def uploaded(world: FakeServices) -> Job:
    """A job submitted by a file, with a report."""
    event = world.inbox.lay_in(
        "ideas/keeper.yaml", b"prompt: A film of three scenes. A lighthouse keeper waits\nchecks: false\n"
    )
    return world.jobs.get_job(world.open_job(OpenJob("e-1", {"data": event})).job_id).value


def with_everything(world: FakeServices) -> Job:
    """A job with a report, a storyboard, pictures, a clip that filmed, others queued, a cut and a film."""
    job = uploaded(world)
    world.write_storyboard(JobRun(job.id, job.run))
    world.draw_all(world.jobs.get_job(job.id).value)
    world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))
    deliver(world)
    world.clock.pass_s(60)
    world.poll(world.jobs.get_job(job.id).value)
    world.artifacts.put(f"jobs/{job.id}/output/film-1.mp4", b"film", "video/mp4")
    world.jobs.write(Create(job.id, a_render("cut-1", job=job.id)))
    return job


def deliver(world: FakeServices) -> None:
    """Every operation ends with a clip in the bucket."""
    for operation, state in list(world.video.states.items()):
        if isinstance(state, Running):
            world.video.deliver(operation)


def sweep_to_the_end(world: FakeServices, job_id: str) -> Job:
    for _ in range(20):
        deliver(world)
        world.clock.pass_s(300)
        world.sweep_jobs(SweepJobs())
        job = world.jobs.get_job(job_id).value
        if job.state is JobState.DELETED:
            return job
    raise AssertionError(f"still {job.state} after 100 minutes")


def what_is_left(world: FakeServices, job_id: str) -> list[Any]:
    return [
        *world.artifacts.list(f"jobs/{job_id}/"),
        *world.jobs.list_scenes(job_id),
        *world.jobs.list_calls(job_id),
        *(render for render in world.jobs._all(Render) if render.job == job_id),
        *world.inbox.reports,
    ]


def test_tombstone_contains_no_word_of_the_request(world: FakeServices) -> None:
    job = with_everything(world)
    assert len(what_is_left(world, job.id)) > 15

    delete(world, job.id)
    kept = json.dumps(world.jobs.get_job(job.id).value.to_json()).replace("ideas/keeper.yaml", "")
    assert [words in kept for words in ("keeper", "three scenes")] == [False, False]
    buried = sweep_to_the_end(world, job.id)

    assert what_is_left(world, job.id) == []
    text = json.dumps(buried.to_json())
    assert "keeper" not in text
    assert len(text) < 1600
    assert buried.spent_micros == 2 * TEXT_MICROS + 4 * PICTURE_MICROS + CLIP_MICROS
    assert buried.forget is not None


@pytest.mark.parametrize("after", [False, True])
def test_sweeper_finishes_a_deletion_when_it_was_killed_at_any_write(
    monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(delete_job, "DELETE_BATCH", 4)

    def die(name: str) -> None:
        raise Killed(name)

    for number in range(200):
        world = HookedWorld()
        job = with_everything(world)
        world.at(number, die, after=after, only=WRITES)
        try:
            delete(world, job.id)
            sweep_to_the_end(world, job.id)
        except Killed:
            delete(world, job.id)  # the owner asks again
        if world.is_waiting():
            break

        assert sweep_to_the_end(world, job.id).spent_micros == 2 * TEXT_MICROS + 4 * PICTURE_MICROS + CLIP_MICROS, (
            number
        )
        assert what_is_left(world, job.id) == [], number
    assert number > 25, "fewer writes than there are things to remove"


def storyboard(world: FakeServices) -> Callable[[], object]:
    job = uploaded(world)
    return lambda: world.write_storyboard(JobRun(job.id, 1))


def picture(world: FakeServices) -> Callable[[], object]:
    storyboard(world)()
    (job,) = world.jobs.list_jobs_in_states({JobState.KEYFRAMES})
    return lambda: world.draw_keyframe(DrawKeyframe(job.id, 1, "scene-01", "start"))


def clip(world: FakeServices) -> Callable[[], object]:
    job = uploaded(world)
    world.write_storyboard(JobRun(job.id, 1))
    world.draw_all(world.jobs.get_job(job.id).value)
    return lambda: world.submit_clip(SubmitClip(job.id, 1, "scene-01", 1, 1))


def polling(world: FakeServices) -> Callable[[], object]:
    clip(world)()
    deliver(world)
    world.clock.pass_s(60)
    (job,) = world.jobs.list_jobs_in_states({JobState.VIDEO_GEN})
    return lambda: world.poll(job)


def failing(world: FakeServices) -> Callable[[], object]:
    clip(world)()
    (job,) = world.jobs.list_jobs_in_states({JobState.VIDEO_GEN})
    return lambda: world.fail_job(FailJob(job.id, 1, "broken"))


def cutting(world: FakeServices) -> Callable[[], object]:
    job = uploaded(world)
    world.write_storyboard(JobRun(job.id, 1))
    world.draw_all(world.jobs.get_job(job.id).value)
    world.submit_queued()
    deliver(world)
    world.clock.pass_s(60)
    world.poll(world.jobs.get_job(job.id).value)
    assert world.jobs.get_job(job.id).value.state is JobState.STITCH
    services = StitcherServices(world.jobs, world.artifacts, world.clock, world.ids, pace=1.0)
    return lambda: stitch_film(RenderRequest(job.id, 1), services)


def opening(world: FakeServices) -> Callable[[], object]:
    uploaded(world)
    event = {"bucket": "prompts", "name": "ideas/keeper.yaml", "generation": "1"}
    return lambda: world.open_job(OpenJob("e-1", {"data": event}))


def resuming(world: FakeServices) -> Callable[[], object]:
    failing(world)()
    (job,) = world.jobs.list_jobs_in_states({JobState.FAILED})
    return lambda: resume(world, job.id)


def requests(world: FakeServices) -> int:
    """Paid requests the models have had."""
    return world.text.calls + len(world.images.requests) + len(world.video.requests)


def bill(world: FakeServices) -> int:
    """What the models are owed, in micro-dollars."""
    delivered = sum(isinstance(state, Succeeded) for state in world.video.states.values())
    written, painted = world.text.calls, len(world.images.requests)
    return written * TEXT_MICROS + painted * PICTURE_MICROS + delivered * CLIP_MICROS


WORKERS = [opening, storyboard, picture, clip, polling, failing, cutting, resuming]


@pytest.fixture
def _cut_without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cut uploads its two files and makes nothing."""

    def render(job: Job, _: object, edit: FilmEdit, services: StitcherServices, __: object) -> RenderResult:
        root, digest = f"jobs/{job.id}/output", edit.digest("film")
        uris = [services.artifacts.put(f"{root}/{name}-{digest}", b"x", "video/mp4") for name in ("film", "poster")]
        numbers = {"frames": 1, "width_px": 1, "height_px": 1, "copied_frames": 0}
        return RenderResult(
            Output.model_validate({"film_uri": uris[0], "poster_uri": uris[1], "digest": digest, **numbers})
        )

    monkeypatch.setattr("stitcher_service.jobs.stitch_film.render_film", render)


@pytest.mark.usefixtures("_cut_without_pictures")
@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("worker", WORKERS, ids=lambda worker: worker.__name__)
def test_worker_pays_nothing_more_when_its_job_is_deleted_meanwhile(
    worker: Callable[[FakeServices], Callable[[], object]], swept: bool
) -> None:
    undisturbed = HookedWorld()
    work = worker(undisturbed)
    undisturbed.called = []
    work()
    for number in range(len(undisturbed.called)):
        disturb(worker, number, undisturbed.called, swept=swept)


def disturb(
    worker: Callable[[FakeServices], Callable[[], object]], number: int, course: list[str], *, swept: bool
) -> None:
    """Delete the job right before one of the worker's calls, let the worker go on, and look at what is left."""
    world = HookedWorld()
    work = worker(world)
    (job,) = world.jobs.list_jobs_in_states(set(JobState))
    requested: list[int] = []

    def delete_it(_: str) -> None:
        requested.append(requests(world))
        delete(world, job.id)
        if swept:
            world.sweep_jobs(SweepJobs())

    world.at(number, delete_it)
    with suppress(PromptreelError):  # every error is one of ours
        work()

    # A request whose SENT check had begun still goes out (ledger rule 3) and is counted. Nothing else does.
    assert requests(world) - requested[0] == goes_out(course, number), (number, course)
    buried = sweep_to_the_end(world, job.id)
    assert what_is_left(world, job.id) == [], (number, course)
    assert buried.spent_micros == bill(world), (number, course)
    assert world.open_job(OpenJob("e-9", {"job_id": job.id, "run": 1})).state == "superseded"


def goes_out(course: list[str], number: int) -> bool:
    """Whether this call lies between a last look at the job and the paid request after it."""
    paid = next((index for index, name in enumerate(course) if name in PAYING and index >= number), -1)
    looked = max((index for index in range(paid) if course[index] == "jobs.get_job"), default=paid)
    return looked < number <= paid


def test_object_is_removed_when_written_after_the_first_removal(world: FakeServices) -> None:
    job = with_everything(world)
    delete(world, job.id)
    world.clock.pass_s(300)
    world.sweep_jobs(SweepJobs())

    world.clock.pass_s(delete_job.IN_FLIGHT_UPLOAD_GRACE_S - 300)  # a stitch begun just before the deletion ends now
    world.artifacts.put(f"jobs/{job.id}/output/film-2.mp4", b"film", "video/mp4")
    world.jobs.write(Create(job.id, a_render("cut-2", job=job.id)))

    sweep_to_the_end(world, job.id)
    assert what_is_left(world, job.id) == []


def test_deletion_waits_for_the_longest_request_of_any_service() -> None:
    services = json.loads(SERVICES.read_text())
    longest_s = max(service["timeout_s"] for service in {**services["functions"], **services["services"]}.values())

    assert longest_s < delete_job.IN_FLIGHT_UPLOAD_GRACE_S


def test_film_is_removed_at_once_and_only_open_calls_delay_a_deletion(
    world: FakeServices,
) -> None:
    job = with_everything(world)
    world.submit_clip(SubmitClip(job.id, 1, "scene-02", 1, 1))
    (running,) = [name for name, state in world.video.states.items() if isinstance(state, Running)]
    world.artifacts.put(f"{world.video.prefixes[running].removeprefix('gs://artifacts/')}part", b"half", "video/mp4")

    delete(world, job.id)
    world.sweep_jobs(SweepJobs())

    assert [stored.uri for stored in world.artifacts.list(f"jobs/{job.id}/")] == [
        f"{world.video.prefixes[running]}part"
    ]
    assert {read.value.state.value for read in world.jobs.list_calls(job.id)} == {"SETTLED", "RELEASED", "SENT"}
    assert sweep_to_the_end(world, job.id).spent_micros == bill(world)


def test_job_is_deleted_when_its_execution_cannot_be_cancelled(world: FakeServices) -> None:
    job = world.opened()

    def away(name: str) -> None:
        raise Transient("503")

    world.executions.cancel = away  # type: ignore[method-assign]

    assert delete(world, job.id).state is JobState.DELETING


def test_other_jobs_expire_when_one_cannot_be_marked(
    world: FakeServices,
) -> None:
    stuck = world.opened()
    world.clock.pass_s(1000)
    other = world.open_job(OpenJob("e-2", {"prompt": "A fox in the snow"})).job_id
    delete(world, other)
    world.clock.pass_s(world.keep.total_seconds() - 1000)
    read = world.jobs.get_job

    def away_for_one(job_id: str) -> Any:
        if job_id == stuck.id:
            raise Transient("503")
        return read(job_id)

    world.jobs.get_job = away_for_one  # type: ignore[method-assign]

    sweep_to_the_end(world, other)
    assert read(stuck.id).value.state is JobState.PENDING


def test_other_deletions_finish_when_one_is_stuck(world: FakeServices) -> None:
    stuck, other = world.opened(), world.open_job(OpenJob("e-2", {"prompt": "A fox in the snow"})).job_id
    delete(world, stuck.id)
    delete(world, other)
    listed = world.artifacts.list

    def list_but_one(prefix: str) -> Any:
        if stuck.id in prefix:
            raise Transient("503")
        return listed(prefix)

    world.artifacts.list = list_but_one  # type: ignore[method-assign]

    sweep_to_the_end(world, other)
    assert world.jobs.get_job(stuck.id).value.state is JobState.DELETING


def test_sweeper_deletes_an_expired_job_with_all_it_owns(world: FakeServices) -> None:
    job = with_everything(world)
    world.executions.active.add(str(job.execution))
    world.clock.pass_s(world.keep.total_seconds() - 3600)
    world.sweep_jobs(SweepJobs())
    assert world.jobs.get_job(job.id).value.state is not JobState.DELETING

    world.clock.pass_s(3600)
    world.sweep_jobs(SweepJobs())

    assert world.jobs.get_job(job.id).value.state is JobState.DELETING
    assert str(job.execution) not in world.executions.active
    sweep_to_the_end(world, job.id)
    assert what_is_left(world, job.id) == []


def test_expired_job_is_neither_resumed_nor_opened_before_it_is_swept(world: FakeServices) -> None:
    job, unfinished = world.opened(), world.open_job(OpenJob("e-2", {"prompt": "A fox in the snow"})).job_id
    world.fail_job(FailJob(job.id, 1, "broken"))
    world.clock.pass_s(world.keep.total_seconds())

    with pytest.raises(NotFound):
        resume(world, job.id)
    assert world.open_job(OpenJob("e-1", {"job_id": unfinished, "run": 1})).state == "superseded"


def test_expiry_is_extended_when_a_job_is_resumed(world: FakeServices) -> None:
    job = world.opened()
    world.fail_job(FailJob(job.id, 1, "broken"))
    world.clock.pass_s(1000)

    resume(world, job.id)

    expires = world.jobs.get_job(job.id).value.expires
    assert expires == world.clock.now() + world.keep


def test_job_is_not_deleted_when_its_expiry_is_put_off_before_the_mark(world: FakeServices) -> None:
    job = world.opened()

    delete_job.mark(job.id, world, expired_only=True)

    assert world.jobs.get_job(job.id).value.state is JobState.PENDING


def test_deleted_job_is_not_recreated_when_its_upload_or_execution_is_redelivered(
    world: FakeServices,
) -> None:
    job = uploaded(world)
    by_execution = world.open_job(OpenJob("e-7", {"prompt": "A fox in the snow"}))
    for job_id in (job.id, by_execution.job_id):
        delete(world, job_id)
        sweep_to_the_end(world, job_id)
    event = {"bucket": "prompts", "name": "ideas/keeper.yaml", "generation": "1"}

    assert world.open_job(OpenJob("e-8", {"data": event})).state == "superseded"
    assert world.open_job(OpenJob("e-7", {"prompt": "A fox in the snow"})).state == "superseded"
    assert world.inbox.reports == {}
    assert world.jobs.get_job(job.id).value.state is JobState.DELETED


def test_report_on_a_newer_file_is_kept_when_the_older_job_is_deleted(world: FakeServices) -> None:
    job = uploaded(world)
    newer: dict[str, object] = {"state": "accepted", "job_id": "job-of-the-newer-file", "generation": "2"}
    world.inbox.write_report("ideas/keeper.yaml", newer)

    delete(world, job.id)
    sweep_to_the_end(world, job.id)

    assert world.inbox.reports["ideas/keeper.yaml"]["job_id"] == "job-of-the-newer-file"


def test_new_job_replaces_a_tombstone_when_its_time_is_over(
    world: FakeServices,
) -> None:
    job = world.opened()
    delete(world, job.id)
    buried = sweep_to_the_end(world, job.id)
    request = job.request.model_dump(mode="json", exclude_defaults=True)
    assert accept_request(job.id, job.owner, request, world) == buried

    world.clock.pass_s(delete_job.TOMBSTONE_DAYS * 86_400)
    again = accept_request(job.id, job.owner, request, world)

    assert again.state is JobState.PENDING
    assert world.jobs.get_job(job.id).value == again
