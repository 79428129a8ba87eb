"""Valid values with overrides, so that each test shows only the fact it is about."""

from datetime import timedelta
from typing import Any, TypeVar

from promptreel.domain.call import Call
from promptreel.domain.document import Document
from promptreel.domain.job import Budget, Job, Output
from promptreel.domain.render import Render
from promptreel.domain.request import FilmRequest
from promptreel.domain.scene import Scene
from promptreel.domain.sheet import Sheet
from tests.fakes.system import START


def a_request(**fields: Any) -> FilmRequest:
    return FilmRequest.model_validate({"prompt": "A lighthouse keeper waits", **fields})


def a_job(job_id: str = "job-1", **fields: Any) -> Job:
    defaults = {
        "id": job_id,
        "owner": "mira@example.com",
        "origin": "o",
        "request": a_request(),
        "budget": Budget(limit_micros=25_000_000),
        "created": START,
        "updated": START,
    }
    return Job.model_validate({**defaults, **fields})


def an_output(frames: int = 432, **fields: Any) -> Output:
    defaults = {
        "film_uri": "gs://artifacts/film.mp4",
        "poster_uri": "gs://artifacts/poster.jpg",
        "digest": "d",
        "frames": frames,
        "width_px": 1280,
        "height_px": 720,
        "copied_frames": frames,
    }
    return Output.model_validate({**defaults, **fields})


def a_sheet(number: int = 1, **fields: Any) -> Sheet:
    defaults = {
        "id": f"sheet-{number:02d}",
        "number": number,
        "kind": "character",
        "name": "Mira",
        "description": "grey coat, red scarf",
        "views": ("front", "side"),
        "created": START,
        "updated": START,
    }
    return Sheet.model_validate({**defaults, **fields})


def a_scene(number: int = 1, **fields: Any) -> Scene:
    defaults = {
        "id": f"scene-{number:02d}",
        "sequence": number,
        "display_order": number,
        "description": f"Scene {number}",
        "start_prompt": "start",
        "end_prompt": "end",
        "motion_prompt": "motion",
        "transition_note": "cut",
        "duration_s": 8,
        "created": START,
        "updated": START,
    }
    return Scene.model_validate({**defaults, **fields})


def a_call(call_id: str = "call-1", **fields: Any) -> Call:
    defaults = {
        "id": call_id,
        "job": "job-1",
        "kind": "video",
        "model": "veo-3.1-generate-001",
        "purpose": f"clip/{call_id}",
        "take": 1,
        "attempt": 1,
        "reserved_micros": 3_200_000,
        "created": START,
        "updated": START,
    }
    return Call.model_validate({**defaults, **fields})


def a_render(digest: str = "digest-1", **fields: Any) -> Render:
    return Render.model_validate({"id": digest, "job": "job-1", "created": START, "updated": START, **fields})


D = TypeVar("D", bound=Document)


def altered(document: D, **fields: Any) -> D:
    """A document as a test needs it, with fields that no write may change."""
    return document.model_copy(update=fields)


def later(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)
