"""Jobs that are ready to be cut, in a world of fakes: their clips are real files, their pictures real PNGs."""

import io
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from promptreel.domain.document import Problem
from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.ports.storage import Replace
from stitcher_service.jobs.services import StitcherServices
from tests.fakes.models import a_storyboard
from tests.fakes.services import FakeServices
from tests.stitcher.media import flat

FPS = 6  # slower than any model films: the same arithmetic over a quarter of the frames
FRAMES = 4 * FPS
COLOURS = ((200, 30, 30), (30, 30, 200), (30, 160, 60), (190, 170, 40))


def stitcher_services(world: FakeServices, **fields: Any) -> StitcherServices:
    defaults = {"jobs": world.jobs, "artifacts": world.artifacts, "clock": world.clock, "ids": world.ids, "pace": 1.0}
    return StitcherServices(**{**defaults, **fields})


def a_drawn_job(world: FakeServices, **request: Any) -> Job:
    """Two scenes of four seconds with all their pictures: each one colour, with a pale square in the middle."""
    return _made_real(world, _drawn(world, **request))


def a_filmed_job(world: FakeServices, a_clip: Callable[..., Path], **request: Any) -> Job:
    """The same with its clips in the bucket, ready to be cut."""
    job = _drawn(world, **request)
    world.submit_queued()
    for number in (1, 2):
        world.video.deliver(f"operations/{number}")
    world.clock.pass_s(60)
    assert world.poll(job).state == "done"
    for number in (1, 2):
        replace_clip(world, job, number, a_clip(**like_filmed(mark=number, size=job.require_plan().size_px)))
    return _made_real(world, job)


def _drawn(world: FakeServices, **request: Any) -> Job:
    world.text.answers = [json.dumps(a_storyboard(scenes=2))]
    return world.drawn(**{"scenes": 2, "duration_s": 8, **request})


def _made_real(world: FakeServices, job: Job) -> Job:
    """The job with pictures that can be looked at, and at `FPS` frames a second, so that its films are short work."""
    pictures = [picture.uri for scene in scenes(world, job) for picture in (scene.start, scene.end) if picture]
    for uri, colour in zip(dict.fromkeys(pictures), COLOURS, strict=False):
        replace_file(world, uri, a_picture(job.require_plan().size_px, colour))
    stamp(world, job)
    read, plan = world.jobs.get_job(job.id), job.require_plan()
    slow = plan.evolve(fps=FPS, transition_frames=plan.transition_frames * FPS // plan.fps)
    for scene in scenes(world, job):
        change_scene(world, job, scene.id, frames=scene.film_frames(plan.fps) * FPS // plan.fps)
    world.jobs.write(Replace(job.id, read, read.value.evolve(plan=slow)))
    return world.jobs.get_job(job.id).value


def like_filmed(**options: Any) -> dict[str, Any]:
    """What to ask `a_clip` for to get a clip as such a job's model films it, from its first picture to its last."""
    ends = COLOURS[options.get("mark", 1) - 1 :][:2]
    return {"frames": FRAMES, "fps": Fraction(FPS), "gop": FPS, "size": (1280, 720), "ends": ends, **options}


def scenes(world: FakeServices, job: Job) -> list[Scene]:
    return [read.value for read in world.jobs.list_scenes(job.id)]


def change_scene(world: FakeServices, job: Job, scene_id: str, **fields: Any) -> None:
    read = world.jobs.get_scene(job.id, scene_id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(**fields)))


def give_up(world: FakeServices, job: Job) -> None:
    """The second scene was refused for good."""
    problem = Problem(code="clip_refused", message="scene-02: no clip in 2 tries: celebrity", scene="scene-02")
    change_scene(world, job, "scene-02", state=SceneState.FILTERED, clip=None, problem=problem)


def replace_file(world: FakeServices, uri: str, data: bytes) -> None:
    """Let an object hold something else, as if it had been made so."""
    world.artifacts._objects[uri] = (data, world.artifacts._objects[uri][1])


def stamp(world: FakeServices, job: Job) -> None:
    """Store the checksums of the files in the bucket on the scenes."""
    for scene in scenes(world, job):
        made = {"start": scene.start, "end": scene.end, "clip": scene.clip}
        sums = {name: one.evolve(checksum=world.artifacts.read_checksum(one.uri)) for name, one in made.items() if one}
        change_scene(world, job, scene.id, **sums)


def replace_clip(world: FakeServices, job: Job, number: int, clip: Path) -> None:
    found = scenes(world, job)[number - 1].clip
    assert found is not None
    replace_file(world, found.uri, clip.read_bytes())
    stamp(world, job)


def a_picture(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    stored = io.BytesIO()
    Image.fromarray(flat(size, colour)).save(stored, "PNG")
    return stored.getvalue()
