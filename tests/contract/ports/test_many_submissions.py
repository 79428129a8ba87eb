"""Submissions at once over the real store: each becomes one job, however often it is sent."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from promptreel.adapters.firestore import FirestoreJobs
from promptreel.adapters.system import SystemIds
from promptreel.http import routes
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import PROMPT, bearer

COUNT = 200


def test_two_hundred_submissions_at_once_make_as_many_jobs_when_some_are_sent_twice(
    firestore_jobs: FirestoreJobs,
) -> None:
    world = FakeServices()
    world.jobs, world.ids = firestore_jobs, SystemIds()  # type: ignore[assignment]
    world.limits = replace(world.limits, active_jobs=2 * COUNT)  # type: ignore[misc]
    flask = routes.app(lambda: world)
    keys = [f"key-{number}" for number in range(COUNT)] + [f"key-{number}" for number in range(0, COUNT, 10)]

    def submit(key: str) -> tuple[int, str]:
        answer = flask.test_client().post("/v1/jobs", json=PROMPT, headers={**bearer(), "Idempotency-Key": key})
        return answer.status_code, answer.get_json().get("id", answer.text)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(submit, keys))

    accepted = {key: job_id for key, (status, job_id) in zip(keys, answers, strict=True) if status == 202}
    assert {status for status, _ in answers} <= {202, 409}, "409: the same key at the same time"
    assert len(set(accepted.values())) == COUNT
    assert {job.id for job in firestore_jobs.list_jobs("mira@example.com", None, None)} == set(accepted.values())
    assert {job_id for job_id, _ in world.executions.started} == set(accepted.values())
    assert world.text.requests == [], "no model was asked"
