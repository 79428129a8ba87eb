"""Idempotency-Key: one effect, one answer, whatever the write is."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from promptreel.domain.job import Job
from promptreel.domain.states import JobState
from promptreel.domain.stored_answer import KEPT, LEASE, StoredAnswer, answer_id
from promptreel.errors import Broken, Transient
from promptreel.http import routes
from promptreel.ports.storage import Create
from promptreel.usecases.job_lifecycle import JobRun
from promptreel.usecases.open_job import OpenJob
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import PROMPT, bearer, submit

KEY = {"Idempotency-Key": "k"}
MIRA = "mira@example.com"


def write(http: FlaskClient, path: str, body: object = None, method: str = "POST", **headers: str) -> TestResponse:
    options = {} if body is None else {"json": body}
    return http.open(path, method=method, headers={**bearer(), **KEY, **headers}, **options)  # type: ignore[arg-type]


def at_gate(http: FlaskClient, world: FakeServices) -> Job:
    job_id = submit(http, {**PROMPT, "approval": "storyboard"}).get_json()["id"]
    world.open_job(OpenJob("e-1", {"job_id": job_id, "run": 1}))
    world.write_storyboard(JobRun(job_id, 1))
    return world.jobs.get_job(job_id).value


def edit(job: Job) -> dict[str, object]:
    return {
        "revision": job.require_plan().revision,
        "scenes": [{"scene": "scene-01", "motion_prompt": "The lamp turns slowly."}],
    }


WRITES: dict[str, Callable[[FlaskClient, Job], TestResponse]] = {
    "submit": lambda http, job: write(http, "/v1/jobs", PROMPT),
    "cancel": lambda http, job: write(http, f"/v1/jobs/{job.id}:cancel"),
    "approve": lambda http, job: write(http, f"/v1/jobs/{job.id}:approve", {"revision": 1}),
    "edit": lambda http, job: write(http, f"/v1/jobs/{job.id}/plan", edit(job), "PATCH"),
}


@pytest.mark.parametrize("name", WRITES)
def test_repeated_write_gets_the_first_answer_and_has_no_second_effect(
    http: FlaskClient, world: FakeServices, name: str
) -> None:
    job = at_gate(http, world)
    first = WRITES[name](http, job)
    assert first.status_code in {200, 202}, first.get_json()
    before = {one.id: one for one in world.jobs.list_jobs(MIRA, None, None)}
    started = list(world.executions.started)

    second = WRITES[name](http, job)

    assert (second.status_code, second.get_data(), second.content_type) == (
        first.status_code,
        first.get_data(),
        first.content_type,
    )
    assert (first.headers.get("Idempotency-Replayed"), second.headers.get("Idempotency-Replayed")) == (None, "true")
    assert {one.id: one for one in world.jobs.list_jobs(MIRA, None, None)} == before
    assert world.executions.started == started


def test_repeated_resume_gets_the_first_answer_when_the_job_has_ended_since(
    http: FlaskClient, world: FakeServices
) -> None:
    job_id = submit(http).get_json()["id"]
    http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer())
    first = write(http, f"/v1/jobs/{job_id}:resume", {})
    http.post(f"/v1/jobs/{job_id}:cancel", headers=bearer())

    second = write(http, f"/v1/jobs/{job_id}:resume", {})

    assert (second.status_code, second.get_data()) == (first.status_code, first.get_data())
    assert first.status_code == 202
    assert world.jobs.get_job(job_id).value.state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", {"prompt": "Something else"}),
        ("/v1/jobs/{job}:cancel", None),
        ("/v1/uploads", {"content_type": "image/png"}),
        ("/v1/estimate", PROMPT),
        ("/v1/jobs/{job}/ledger:reconcile", {"rows": []}),
    ],
)
def test_key_of_another_request_is_refused_and_has_no_effect(
    http: FlaskClient, world: FakeServices, path: str, body: object
) -> None:
    job_id = write(http, "/v1/jobs", PROMPT).get_json()["id"]

    refused = write(http, path.format(job=job_id), body)

    assert (refused.status_code, refused.get_json()["code"]) == (409, "idempotency_key_reused")
    assert [job.state for job in world.jobs.list_jobs(MIRA, None, None)] == [JobState.PENDING]


def test_key_is_another_one_for_another_caller(http: FlaskClient) -> None:
    mine = write(http, "/v1/jobs", PROMPT).get_json()["id"]
    theirs = write(http, "/v1/jobs", {"prompt": "Something else"}, **bearer("other@example.com"))

    assert theirs.status_code == 202
    assert theirs.get_json()["id"] != mine


def test_same_json_is_the_same_request_when_it_is_written_otherwise(http: FlaskClient) -> None:
    first = submit(http, {"prompt": "A lighthouse keeper waits", "scenes": 2}, **KEY)
    second = http.post(
        "/v1/jobs",
        data='{"scenes":2,\n "prompt":"A lighthouse keeper waits"}',
        content_type="application/json",
        headers={**bearer(), **KEY},
    )

    assert second.get_data() == first.get_data()


def test_refused_request_leaves_its_key_free_for_a_corrected_one(http: FlaskClient) -> None:
    assert submit(http, {**PROMPT, "scenes": 200}, **KEY).status_code == 422

    assert submit(http, {**PROMPT, "scenes": 2}, **KEY).status_code == 202


def test_broken_request_keeps_its_key_and_may_be_repeated_at_once(http: FlaskClient, world: FakeServices) -> None:
    world.executions.failure = Broken("Workflows has no such workflow")
    assert submit(http, **KEY).status_code == 500  # the job is stored
    world.executions.failure = None

    other = submit(http, {"prompt": "Something else"}, **KEY)
    repeated = submit(http, **KEY)

    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency_key_reused")
    assert repeated.status_code == 202
    assert len(list(world.jobs.list_jobs(MIRA, None, None))) == 1


def test_broken_write_keeps_its_key_for_the_same_request(http: FlaskClient, world: FakeServices) -> None:
    job = at_gate(http, world)
    cancel, broken = world.executions.cancel, iter([True])

    def fail_once(name: str) -> None:
        if next(broken, False):
            raise Broken("Workflows refuses")
        cancel(name)

    world.executions.cancel = fail_once  # type: ignore[method-assign]
    assert write(http, f"/v1/jobs/{job.id}:cancel").status_code == 500  # the job is cancelled

    other = write(http, f"/v1/jobs/{job.id}:resume", {})
    repeated = write(http, f"/v1/jobs/{job.id}:cancel")

    assert (other.status_code, other.get_json()["code"]) == (409, "idempotency_key_reused")
    assert (repeated.status_code, repeated.get_json()["state"]) == (200, "CANCELLED")


def test_answer_is_given_when_it_cannot_be_stored_and_the_request_is_repeated_after_the_lease(
    http: FlaskClient, world: FakeServices
) -> None:
    read_answer, lost = world.jobs.get_answer, iter([False, True])

    def fail_second(answer: str) -> object:
        if next(lost, False):
            raise Transient("Firestore is away")
        return read_answer(answer)

    world.jobs.get_answer = fail_second  # type: ignore[method-assign,assignment]
    first = submit(http, **KEY)
    assert first.status_code == 202

    world.clock.pass_s(LEASE.total_seconds())

    assert submit(http, **KEY).get_json()["id"] == first.get_json()["id"]


def test_second_request_waits_for_the_first_and_gets_its_answer(world: FakeServices) -> None:
    http = routes.app(lambda: world).test_client
    entered, go_on = Event(), Event()
    start, answers = world.executions.start, list[TestResponse]()

    def slowly(job_id: str, run: int) -> str:
        entered.set()
        assert go_on.wait(20)
        return start(job_id, run)

    def finish_first(seconds: float) -> None:
        world.clock.pass_s(seconds)
        go_on.set()
        first.join(20)

    world.executions.start = slowly  # type: ignore[method-assign]
    world.clock.sleep = finish_first  # type: ignore[method-assign]
    first = Thread(target=lambda: answers.append(submit(http(), **KEY)))
    first.start()
    assert entered.wait(20)

    second = submit(http(), **KEY)

    assert (second.status_code, second.get_data()) == (202, answers[0].get_data())
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(world.executions.started) == 1


def test_second_request_is_refused_when_the_first_takes_too_long(http: FlaskClient, world: FakeServices) -> None:
    key = answer_id(MIRA, "k")
    free = submit(http, **KEY)  # to learn the fingerprint
    read = world.jobs.get_answer(key)
    assert read is not None
    assert free.status_code == 202
    busy = StoredAnswer.begin(key, read.value.fingerprint, "holder", world.clock.now())
    world.jobs.store(f"answers/{key}", busy.to_json())

    refused = submit(http, **KEY)

    assert (refused.status_code, refused.get_json()["code"]) == (409, "request_in_progress")
    assert refused.headers["Retry-After"] == "1"


def test_dead_worker_is_replaced_after_its_lease(http: FlaskClient, world: FakeServices) -> None:
    first = submit(http, **KEY).get_json()
    key = answer_id(MIRA, "k")
    read = world.jobs.get_answer(key)
    assert read is not None
    dead = StoredAnswer.begin(key, read.value.fingerprint, "holder", world.clock.now())
    world.jobs.store(f"answers/{key}", dead.to_json())
    world.clock.pass_s(LEASE.total_seconds())

    repeated = submit(http, **KEY)

    assert (repeated.status_code, repeated.get_json()["id"]) == (202, first["id"])
    after = world.jobs.get_answer(key)
    assert after is not None
    assert after.value.status == 202


def test_key_is_free_after_a_day_except_for_the_job_that_it_made(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http).get_json()["id"]
    assert write(http, f"/v1/jobs/{job_id}:cancel").status_code == 200

    world.clock.pass_s(KEPT.total_seconds())

    assert write(http, f"/v1/jobs/{job_id}:resume", {}).status_code == 202


def test_answer_about_a_deleted_job_is_not_given_any_more(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http, **KEY).get_json()["id"]
    deleted = write(http, f"/v1/jobs/{job_id}", method="DELETE", **{"Idempotency-Key": "d"})
    assert deleted.status_code == 202
    assert world.jobs.get_answer(answer_id(MIRA, "k")) is None  # its words go at once

    repeated = submit(http, **KEY)

    assert (repeated.status_code, repeated.get_json()["code"]) == (409, "job_deleted")
    again = write(http, f"/v1/jobs/{job_id}", method="DELETE", **{"Idempotency-Key": "d"})
    assert again.status_code in {202, 204}


def test_stored_answers_go_with_the_job_that_they_are_about(http: FlaskClient, world: FakeServices) -> None:
    job_id = submit(http, **KEY).get_json()["id"]
    assert world.jobs.get_answer(answer_id(MIRA, "k")) is not None

    world.jobs.delete_owned_documents(job_id, 10)

    assert world.jobs.get_answer(answer_id(MIRA, "k")) is None


def test_signed_link_is_not_stored_with_the_key(http: FlaskClient, world: FakeServices) -> None:
    made = write(http, "/v1/uploads", {"content_type": "image/png"})
    assert made.status_code == 201

    read = world.jobs.get_answer(answer_id(MIRA, "k"))

    assert read is not None
    assert (read.value.status, read.value.body) == (201, None)
    repeated = write(http, "/v1/uploads", {"content_type": "image/png"})
    assert repeated.get_json()["uri"] == made.get_json()["uri"]
    assert write(http, "/v1/uploads", {"content_type": "image/webp"}).status_code == 409


@pytest.mark.parametrize("key", ["", "k" * 256, "a\tb"])
def test_key_is_refused_when_it_is_empty_too_long_or_not_printable(
    http: FlaskClient, world: FakeServices, key: str
) -> None:
    refused = submit(http, **{"Idempotency-Key": key})

    assert (refused.status_code, refused.get_json()["code"]) == (422, "invalid")
    assert "Idempotency-Key: must have 1 to 255 printable characters" in refused.get_json()["message"]
    assert list(world.jobs.list_jobs(None, None, None)) == []


def test_stored_answer_names_neither_the_caller_nor_the_key(http: FlaskClient, world: FakeServices) -> None:
    submit(http, **{"Idempotency-Key": "a-telling-key"})

    stored = world.jobs.stored(f"answers/{answer_id(MIRA, 'a-telling-key')}")

    assert MIRA not in str(stored)
    assert "a-telling-key" not in str(stored)


def test_begun_answer_is_readable_after_it_was_stored(world: FakeServices) -> None:
    begun = StoredAnswer.begin("a", "f", "h", world.clock.now())
    world.jobs.write(Create("", begun))

    read = world.jobs.get_answer("a")

    assert read is not None
    assert read.value == begun
    assert begun.expires - begun.created == timedelta(hours=24)
