"""The stitcher over HTTP: requests checked, answers small, errors as problems."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from promptreel.errors import Transient
from stitcher_service.http import MAX_BODY_BYTES, create_app
from tests.fakes.services import FakeServices
from tests.stitcher.jobs import FRAMES, a_drawn_job, a_filmed_job, stitcher_services

ClipMaker = Callable[..., Path]


@pytest.fixture
def client(world: FakeServices) -> FlaskClient:
    services = stitcher_services(world)
    return create_app(lambda: services).test_client()


def test_health_check_answers_ok(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_film_request_stitches_the_film_and_answers_briefly(
    client: FlaskClient, world: FakeServices, a_clip: ClipMaker
) -> None:
    job = a_filmed_job(world, a_clip)

    done = client.post("/film", json={"job_id": job.id, "run": 1})

    assert (done.status_code, done.get_json()) == (200, {"state": "done", "wait_s": 0.0})
    assert client.post("/film", json={"job_id": job.id}).get_json()["state"] == "done"


def test_animatic_preview_and_still_answer_with_address_and_length(client: FlaskClient, world: FakeServices) -> None:
    job = a_drawn_job(world)
    for path, body, frames, seconds in (
        ("/animatic", {}, 2 * FRAMES, 8.0),
        ("/preview", {"run": 1}, 2 * FRAMES, 8.0),
        ("/still", {"scene": "scene-01"}, FRAMES, 4.0),
    ):
        done = client.post(path, json={"job_id": job.id, **body}).get_json()

        assert (done["state"], done["frames"], done["duration_s"]) == ("done", frames, seconds)
        assert world.artifacts.get(done["uri"])[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/film", None),
        ("/film", []),
        ("/film", {"run": 1}),
        ("/film", {"job_id": "../x", "run": 1}),
        ("/film", {"job_id": "job-1", "run": "1"}),
        ("/film", {"job_id": "job-1", "run": True}),
        ("/film", {"job_id": "job-1", "scene": "scene-01"}),
        ("/preview", {"job_id": 7}),
        ("/animatic", {"job_id": "job-1", "size": 4}),
        ("/still", {"job_id": "job-1"}),
        ("/still", {"job_id": "job-1", "scene": "a/b"}),
    ],
)
def test_request_is_an_invalid_problem_when_its_body_is_wrong(client: FlaskClient, path: str, body: Any) -> None:
    refused = client.post(path, json=body)

    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.get_json()["code"] == "invalid"


def test_body_is_not_read_when_it_is_far_too_large(client: FlaskClient) -> None:
    assert client.post("/film", json={"job_id": "x" * MAX_BODY_BYTES}).status_code in {413, 422}


@pytest.mark.parametrize(("path", "step"), [("/film", "stitch"), ("/animatic", "animatic"), ("/preview", "preview")])
def test_unknown_job_is_not_found(client: FlaskClient, path: str, step: str) -> None:
    unknown = client.post(path, json={"job_id": "job-9", "run": 1})

    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "not_found")
    assert unknown.get_json()["step"] == step


def test_animatic_is_a_conflict_when_its_job_is_not_drawn(client: FlaskClient, world: FakeServices) -> None:
    refused = client.post("/animatic", json={"job_id": world.planned().id})

    assert (refused.status_code, refused.get_json()["code"]) == (409, "not_drawn")


def test_transient_error_is_503_and_unexpected_error_is_500(
    client: FlaskClient, world: FakeServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(*_: object) -> None:
        raise Transient("later")

    monkeypatch.setattr(world.jobs, "get_job", trouble)
    later = client.post("/film", json={"job_id": "job-1"})
    monkeypatch.setattr(world.jobs, "get_job", lambda *_: 1 / 0)
    broken = client.post("/film", json={"job_id": "job-1"})

    assert (later.status_code, later.get_json()["code"]) == (503, "transient")
    assert (broken.status_code, broken.get_json()["code"]) == (500, "internal")


def test_rendering_instance_answers_busy_at_once(world: FakeServices) -> None:
    services = dataclasses.replace(stitcher_services(world), pace=0.5)
    client, job = create_app(lambda: services).test_client(), a_drawn_job(world)

    with services.instance.render():
        busy = client.post("/animatic", json={"job_id": job.id})

    assert (busy.status_code, busy.get_json()["state"], busy.get_json()["wait_s"]) == (200, "busy", 10.0)
