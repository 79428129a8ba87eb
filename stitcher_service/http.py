"""The stitcher over HTTP: ``POST /film /still /animatic /preview``, called by the workflow and by tasks alone.

The body is ``{"job_id", "run", "scene"}``. ``run`` fences the call off from newer runs; without it the job's own run is
meant. ``scene`` is for ``/still``. The only work here is to translate: requests into calls, errors into problems.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, request

from promptreel.domain import identifiers
from promptreel.errors import Broken, Invalid, PromptreelError, Transient
from promptreel.logging import events
from stitcher_service.jobs import previews
from stitcher_service.jobs.previews import Preview
from stitcher_service.jobs.services import StitcherServices
from stitcher_service.jobs.stitch_film import FilmStitched, stitch_film

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 10_000


def create_app(room: Callable[[], StitcherServices]) -> Flask:
    """The web application; `room` is asked for at every request."""
    app = Flask("stitcher", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @app.post("/film")
    def film() -> tuple[Response, int]:
        return _answered("film", lambda asked: stitch_film(asked.job_id, asked.run, room()))

    @app.post("/animatic")
    def animatic() -> tuple[Response, int]:
        return _answered("animatic", lambda asked: previews.make_animatic(asked.job_id, asked.run, room()))

    @app.post("/preview")
    def preview() -> tuple[Response, int]:
        return _answered("preview", lambda asked: previews.make_preview(asked.job_id, asked.run, room()))

    @app.post("/still")
    def still() -> tuple[Response, int]:
        return _answered("still", lambda asked: previews.make_still(asked.job_id, asked.run, asked.scene, room()))

    return app


class _Asked:
    """A request's body, checked."""

    def __init__(self, body: Any, *, of_a_scene: bool) -> None:
        needed = {"job_id", "scene"} if of_a_scene else {"job_id"}
        if not isinstance(body, dict) or not needed <= set(body) <= needed | {"run"}:
            scene = ', "scene": "scene-01"' if of_a_scene else ""
            raise Invalid(f'The body must be {{"job_id": "job-…", "run": 1{scene}}}.')
        for field in needed:
            if not isinstance(body[field], str) or not identifiers.ID_PATTERN.match(body[field]):
                raise Invalid(f"{field}: must be an id that promptreel made.")
        run = body.get("run")
        if isinstance(run, bool) or not isinstance(run, int | None):
            raise Invalid("run: must be a whole number.")
        self.job_id: str = body["job_id"]
        self.scene: str = body.get("scene", "")
        self.run: int | None = run


def _answered(purpose: str, act: Callable[[_Asked], FilmStitched | Preview]) -> tuple[Response, int]:
    body, begun = request.get_json(silent=True), time.monotonic()
    asked = body if isinstance(body, dict) else {}
    execution = request.headers.get("X-Promptreel-Execution")
    action = "stitch" if purpose == "film" else purpose  # one word for the workflow's step, its problem and its line
    with events.log_context(
        action=action, job_id=asked.get("job_id"), scene_id=asked.get("scene"), execution_id=execution
    ):
        try:
            made = asdict(act(_Asked(body, of_a_scene=purpose == "still")))
        except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
            told = error if isinstance(error, PromptreelError) else _unexpected(error)
            _tell(begun, told.status, told.code, told.message)
            return _problem(told)
        _tell(begun, 200, made["state"])
        return jsonify(made), 200


def _tell(begun: float, status: int, outcome: str, reason: str | None = None) -> None:
    duration_ms = round((time.monotonic() - begun) * 1000)
    events.log_event("step", outcome=outcome, reason=reason, status=status, duration_ms=duration_ms)


def _problem(told: PromptreelError) -> tuple[Response, int]:
    answer = jsonify({**told.to_problem(), "step": "stitch"})  # application/json: Workflows decodes no other type
    if isinstance(told, Transient) and told.retry_after_s is not None:
        answer.headers["Retry-After"] = str(round(told.retry_after_s))
    return answer, told.status


def _unexpected(error: Exception) -> PromptreelError:
    step = {"step": events.current_log_context().get("action")}
    log.error("unexpected error", exc_info=error, extra={"json_fields": step})
    return Broken(f"Something broke inside the stitcher ({type(error).__name__}).", code="internal")
