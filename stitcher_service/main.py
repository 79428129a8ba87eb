"""The stitcher as a Cloud Run service: ``POST /film {"job_id", "run"}``, called by the workflow alone.

``run`` fences the call off from newer runs; without it the job's own run is cut.

One request at a time per instance. The web server's only work is to translate: the cutting is in film.py.
"""

import logging
import os
from functools import cache
from typing import Any

from flask import Flask, Response, jsonify, request

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.gcs import GcsArtifacts
from promptreel.adapters.signer import RemoteSigner
from promptreel.adapters.system import SystemClock, SystemIds
from promptreel.domain import ids as names
from promptreel.errors import Broken, Invalid, PromptreelError
from promptreel.settings import Settings
from stitcher_service.film import FilmCut, cut_film

logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
log = logging.getLogger(__name__)

app = Flask("stitcher", static_folder=None)


@app.get("/healthz")
def healthz() -> Response:
    return jsonify({"status": "ok"})


@app.post("/film")
def film() -> tuple[Response, int]:
    body = request.get_json(silent=True)
    try:
        job_id, run = _job(body)
        cut = _cut(job_id, run)
    except Exception as error:  # noqa: BLE001 - the one translation point from exception to HTTP
        told = error if isinstance(error, PromptreelError) else _unexpected(error)
        log.info("stitch %s: %s", body, told.message)
        answer = jsonify({**told.to_problem(), "step": "stitch"})
        answer.headers["Content-Type"] = "application/problem+json"
        return answer, told.status
    return jsonify({"state": cut.state, "wait_s": cut.wait_s}), 200


def _job(body: Any) -> tuple[str, int | None]:
    if not isinstance(body, dict) or not {"job_id"} <= set(body) <= {"job_id", "run"}:
        raise Invalid('The body must be {"job_id": "job-…", "run": 1}.')
    job_id, run = body["job_id"], body.get("run")
    if not isinstance(job_id, str) or not names.ID.match(job_id) or not isinstance(run, int | None):
        raise Invalid("job_id: must be an id that promptreel made; run: a whole number.")
    return job_id, run


def _cut(job_id: str, run: int | None) -> FilmCut:
    settings, jobs, artifacts = _world()
    return cut_film(
        job_id, run, jobs=jobs, artifacts=artifacts, clock=SystemClock(), ids=SystemIds(), pace=settings.pace
    )


@cache
def _world() -> tuple[Settings, FirestoreJobs, GcsArtifacts]:
    settings = Settings.from_env(os.environ)
    signer = RemoteSigner(settings.signer_url)
    artifacts = GcsArtifacts(settings.project, settings.artifacts_bucket, signer, settings.media_url)
    return settings, FirestoreJobs(settings.project, settings.database), artifacts


def _unexpected(error: Exception) -> PromptreelError:
    log.error("unexpected error", exc_info=error)
    return Broken(f"Something broke inside the stitcher ({type(error).__name__}).", code="internal")
