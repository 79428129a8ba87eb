"""GET /v1/jobs/{id}/archive: the job as the API shows it with all its files, for those who may see it."""

import io
import json
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient

from promptreel.domain.job import Job
from promptreel.errors import NotFound
from promptreel.http.job_archive import AT_ONCE
from promptreel.ports.storage import Replace
from tests.factories import an_output
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer

OWNER = bearer("mira@example.com")
FILM = bytes(range(256)) * 20


@pytest.fixture
def job(world: FakeServices) -> Job:
    """A drawn job with a film."""
    job = world.drawn(owner="mira@example.com")
    uri = world.artifacts.put(f"jobs/{job.id}/output/film-1.mp4", FILM, "video/mp4")
    read = world.jobs.get_job(job.id)
    world.jobs.write(Replace(job.id, read, read.value.evolve(output=an_output(film_uri=uri))))
    return job


def path_of(job: Job) -> str:
    return f"/v1/jobs/{job.id}/archive"


def links(value: Any) -> list[dict[str, str]]:
    """Every file that a document names."""
    if isinstance(value, dict):
        own = [value] if set(value) == {"url", "uri"} else []
        return [*own, *(found for inner in value.values() for found in links(inner))]
    return [found for inner in value for found in links(inner)] if isinstance(value, list) else []


def test_archive_is_the_job_with_every_file_it_names(http: FlaskClient, world: FakeServices, job: Job) -> None:
    with http.get(path_of(job), headers=OWNER) as answer, ZipFile(io.BytesIO(answer.data)) as archive:
        names = set(archive.namelist())
        shown = json.loads(archive.read("job.json"))
        ledger = json.loads(archive.read("ledger.json"))
        manifest = json.loads(archive.read("manifest.json"))
        film = archive.read(shown["output"]["film"]["url"])

    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job.id}.zip"'
    assert "Content-Length" not in answer.headers
    assert {"job.json", "plan.json", "ledger.json", "ledger.csv", "events.json", "manifest.json"} < names
    assert film == FILM
    own = [file for file in links(shown) if file["uri"].startswith(world.artifacts.uri(f"jobs/{job.id}/"))]
    assert len(own) >= 4  # keyframes of the scenes, and the film
    assert {file["url"] for file in own} <= names
    assert "https://signed.example" not in json.dumps(shown)
    assert ledger == http.get(f"/v1/jobs/{job.id}/ledger", headers=OWNER).get_json()
    stored = {one.uri for one in world.artifacts.list(f"jobs/{job.id}/")}
    assert {file["uri"] for file in manifest["files"] if "uri" in file} == stored


def test_archive_is_for_the_owner_and_operators_alone(http: FlaskClient, job: Job) -> None:
    for who, status in (("tom@example.com", 404), ("ops@example.com", 200), ("mira@example.com", 200)):
        with http.get(path_of(job), headers=bearer(who)) as answer:
            assert answer.status_code == status
    assert http.get("/v1/jobs/no-such-job/archive", headers=OWNER).status_code == 404
    assert http.get(path_of(job)).status_code == 403


def test_archive_is_not_found_when_the_job_is_deleted(http: FlaskClient, job: Job) -> None:
    http.delete(f"/v1/jobs/{job.id}", headers=OWNER)

    assert http.get(path_of(job), headers=OWNER).status_code == 404


def test_further_reader_is_told_to_come_back_when_as_many_as_possible_read(http: FlaskClient, job: Job) -> None:
    reading = [http.get(path_of(job), headers=OWNER) for _ in range(AT_ONCE)]

    refused = http.get(path_of(job), headers=OWNER)
    reading.pop().close()
    with http.get(path_of(job), headers=OWNER) as answer:
        accepted = answer.status_code
    for one in reading:
        one.close()

    assert (refused.status_code, refused.get_json()["code"]) == (503, "archives_busy")
    assert accepted == 200


def test_place_of_a_reader_is_free_once_the_archive_is_read(http: FlaskClient, job: Job) -> None:
    open_answers = [http.get(path_of(job), headers=OWNER) for _ in range(AT_ONCE)]
    for one in open_answers:
        assert list(one.iter_encoded())

    with http.get(path_of(job), headers=OWNER) as answer:
        assert answer.status_code == 200


def test_place_of_a_reader_is_free_when_only_the_head_was_asked_for(http: FlaskClient, job: Job) -> None:
    for _ in range(AT_ONCE + 1):
        with http.head(path_of(job), headers=OWNER) as answer:
            assert answer.status_code == 200


def test_transfer_breaks_off_and_is_logged_when_a_file_is_lost(
    http: FlaskClient, world: FakeServices, job: Job, caplog: pytest.LogCaptureFixture
) -> None:
    answer = http.get(path_of(job), headers=OWNER)
    world.artifacts.delete(world.artifacts.uri(f"jobs/{job.id}/output/film-1.mp4"))

    assert answer.status_code == 200
    with pytest.raises(NotFound):
        list(answer.iter_encoded())

    assert "archive broke off" in caplog.text
