"""An owner's quota and an Idempotency-Key under real concurrency, in memory and in Firestore alike."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest

from promptreel.domain.active_jobs import Limits
from promptreel.domain.stored_answer import StoredAnswer
from promptreel.errors import TooMany
from promptreel.ports.storage import JobStore
from promptreel.usecases import admission
from promptreel.usecases.accept_request import accept_request
from promptreel.usecases.answer_once import Claim, KeyedRequest, claim_request, keep_answer
from tests.fakes.services import FakeServices

PLACES, SUBMISSIONS = 5, 12
MIRA = "mira@example.com"


def over(jobs: JobStore) -> FakeServices:
    world = FakeServices()
    world.jobs = jobs  # type: ignore[assignment]
    object.__setattr__(world, "limits", Limits(PLACES, 600))
    return world


def test_no_more_jobs_are_admitted_than_there_are_places_to_instances_at_the_same_time(
    jobs: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = over(jobs)
    monkeypatch.setattr(admission, "_LOCKS", [nullcontext()])  # each is an instance of its own

    def submit(number: int) -> bool:
        try:
            accept_request(f"job-{number}", MIRA, {"prompt": "A lighthouse keeper waits"}, world)
        except TooMany:
            return False
        return True

    with ThreadPoolExecutor(SUBMISSIONS) as pool:
        admitted = sum(pool.map(submit, range(SUBMISSIONS)))

    assert admitted == len(list(jobs.list_jobs(MIRA, None, None))) == PLACES


def test_one_of_many_requests_with_a_key_is_carried_out_and_all_get_its_answer(jobs: JobStore) -> None:
    world = over(jobs)
    carried_out = list[int]()

    def send(number: int) -> str | None:
        claimed = claim_request(KeyedRequest(MIRA, "k", "fingerprint"), world)
        if isinstance(claimed, StoredAnswer):
            return claimed.body
        assert isinstance(claimed, Claim)
        carried_out.append(number)
        keep_answer(claimed, 200, f"answer {number}", None, world)
        return f"answer {number}"

    with ThreadPoolExecutor(12) as pool:
        answers = set(pool.map(send, range(12)))

    assert answers == {f"answer {carried_out[0]}"}
    assert len(carried_out) == 1
