"""The stitcher over HTTP: ``POST /film /still /animatic /preview``, called by the workflow and by tasks alone.

The body is ``{"job_id", "run", "scene"}``. ``run`` fences the call off from newer runs; without it the job's own run is
meant. ``scene`` is for ``/still``. The only work here is to translate: requests into commands, errors into problems.
"""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, request

from promptreel.domain import identifiers
from promptreel.errors import Invalid
from promptreel.http.problems import make_problem_response
from promptreel.logging import events
from stitcher_service.jobs.previews import MakePreview, MakeStill, Preview, make_animatic, make_preview, make_still
from stitcher_service.jobs.services import StitcherServices
from stitcher_service.jobs.stitch_film import FilmStitched, StitchFilm, stitch_film

MAX_BODY_BYTES = 10_000


def create_app(get_services: Callable[[], StitcherServices]) -> Flask:
    """The web application; `get_services` is called at every request."""
    app = Flask("stitcher", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify({"status": "ok"})

    @app.post("/film")
    def film() -> tuple[Response, int]:
        return _respond("stitch", lambda body: stitch_film(StitchFilm(*_job_and_run(body)), get_services()))

    @app.post("/animatic")
    def animatic() -> tuple[Response, int]:
        return _respond("animatic", lambda body: make_animatic(MakePreview(*_job_and_run(body)), get_services()))

    @app.post("/preview")
    def preview() -> tuple[Response, int]:
        return _respond("preview", lambda body: make_preview(MakePreview(*_job_and_run(body)), get_services()))

    @app.post("/still")
    def still() -> tuple[Response, int]:
        return _respond("still", lambda body: make_still(_still_command(body), get_services()))

    return app


def _still_command(body: Any) -> MakeStill:
    job_id, run = _job_and_run(body, needs_scene=True)
    return MakeStill(job_id, run, body["scene"])


def _job_and_run(body: Any, *, needs_scene: bool = False) -> tuple[str, int | None]:
    """Check the body of a request. Raises: Invalid."""
    needed = {"job_id", "scene"} if needs_scene else {"job_id"}
    if not isinstance(body, dict) or not needed <= set(body) <= needed | {"run"}:
        scene = ', "scene": "scene-01"' if needs_scene else ""
        raise Invalid(f'The body must be {{"job_id": "job-…", "run": 1{scene}}}.')
    for field in needed:
        if not isinstance(body[field], str) or not identifiers.ID_PATTERN.match(body[field]):
            raise Invalid(f"{field}: must be an id that promptreel made.")
    run = body.get("run")
    if isinstance(run, bool) or not isinstance(run, int | None):
        raise Invalid("run: must be a whole number.")
    return body["job_id"], run


def _respond(action: str, act: Callable[[Any], FilmStitched | Preview]) -> tuple[Response, int]:
    body, started = request.get_json(silent=True), time.monotonic()
    named = body if isinstance(body, dict) else {}
    execution = request.headers.get("X-Promptreel-Execution")
    with events.log_context(
        action=action, job_id=named.get("job_id"), scene_id=named.get("scene"), execution_id=execution
    ):
        try:
            result = asdict(act(body))
        except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
            failed = make_problem_response(error, step=action)
            _log_step(started, failed.status, failed.body["code"], failed.body["message"])
            # application/json: Workflows decodes no other type.
            response = jsonify({**failed.body, "step": "stitch"})
            response.headers.update(failed.headers)
            return response, failed.status
        _log_step(started, 200, result["state"])
        return jsonify(result), 200


def _log_step(started: float, status: int, outcome: str, reason: str | None = None) -> None:
    duration_ms = round((time.monotonic() - started) * 1000)
    events.log_event("step", outcome=outcome, reason=reason, status=status, duration_ms=duration_ms)
