"""A render's lease: short, renewed during the render, released when it fails."""

import pytest

from localcloud.tests.waiting import eventually
from promptreel.domain.call import Lease
from promptreel.domain.render import Render, RenderedClip
from promptreel.errors import Transient, VersionConflict
from promptreel.ports.storage import Change, Replace
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs import renders
from stitcher_service.jobs.renders import LEASE_S, RenderResult, render_once
from tests.fakes.jobs import MemoryJobs
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import stitcher_services

CLIP = RenderedClip(uri="gs://artifacts/a.mp4", frames=24)


def made(_: Runner) -> RenderResult:
    return RenderResult(clip=CLIP)


def standing(world: FakeServices) -> Render:
    read = world.jobs.get_render("d")
    assert read is not None
    return read.value


def test_finished_render_is_stored_and_not_repeated(world: FakeServices) -> None:
    services = stitcher_services(world)
    first = render_once("job-1", "d", services, made)

    assert first is not None
    assert (first.state, first.clip, first.lease) == ("DONE", CLIP, None)
    assert render_once("job-1", "d", services, lambda runner: pytest.fail("made twice")) == first


def test_lease_is_renewed_when_the_render_takes_long(world: FakeServices) -> None:
    services = stitcher_services(world, pace=0.0005)  # a lease of 60 ms, renewed every 15

    def slowly(_: Runner) -> RenderResult:
        first = standing(world).lease
        assert first is not None
        world.clock.pass_s(LEASE_S * services.pace)
        eventually(lambda: (standing(world).lease or first).until > first.until)
        assert (standing(world).lease or first).holder == first.holder
        return RenderResult(clip=CLIP)

    assert render_once("job-1", "d", services, slowly) == standing(world)


def test_lease_is_released_when_the_render_fails(world: FakeServices) -> None:
    with pytest.raises(ZeroDivisionError):
        render_once("job-1", "d", stitcher_services(world), lambda runner: RenderResult(clip=1 / 0))  # type: ignore[arg-type]

    assert (standing(world).state, standing(world).lease) == ("RENDERING", None)
    assert render_once("job-1", "d", stitcher_services(world), made) is not None


def test_result_of_another_instance_is_not_overwritten_when_the_lease_was_lost(world: FakeServices) -> None:
    def overtaken(_: Runner) -> RenderResult:
        read = world.jobs.get_render("d")
        assert read is not None
        other = Lease(holder="other", until=world.clock.now())
        world.jobs.write(Replace("job-1", read, read.value.evolve(lease=other)))
        return RenderResult(clip=CLIP)

    assert render_once("job-1", "d", stitcher_services(world), overtaken) is None
    lease = standing(world).lease
    assert lease is not None
    assert lease.holder == "other"


def test_result_is_not_stored_when_the_job_was_deleted_meanwhile(world: FakeServices) -> None:
    def deleted(_: Runner) -> RenderResult:
        world.jobs.delete_owned_documents("job-1", 10)
        return RenderResult(clip=CLIP)

    assert render_once("job-1", "d", stitcher_services(world), deleted) is None
    assert world.jobs.get_render("d") is None


class LosesAnswers(MemoryJobs):
    """Writes and then says it could not, once."""

    def __init__(self) -> None:
        super().__init__()
        self.is_to_lose = False

    def write(self, *changes: Change) -> None:
        super().write(*changes)
        if self.is_to_lose:
            self.is_to_lose = False
            raise Transient("the answer was lost")


def test_result_is_stored_when_the_answer_to_an_earlier_write_was_lost(world: FakeServices) -> None:
    jobs = LosesAnswers()
    services = stitcher_services(world, jobs=jobs, pace=0.0005)

    def renewed_unheard(_: Runner) -> RenderResult:
        jobs.is_to_lose = True
        eventually(lambda: not jobs.is_to_lose)
        return RenderResult(clip=CLIP)

    render = render_once("job-1", "d", services, renewed_unheard)

    assert render is not None
    assert render.clip == CLIP


def test_one_of_two_instances_is_busy_when_both_begin_at_once(
    world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(*_: Change) -> None:
        raise VersionConflict("another caller wrote first")

    monkeypatch.setattr(world.jobs, "write", lose)

    assert render_once("job-1", "d", stitcher_services(world), made) is None
    assert renders.BUSY_WAIT_S > 0
