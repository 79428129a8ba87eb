"""The same film twice: the second one costs its owner nothing, and is a film of its own (docs/adr/0016)."""

from pathlib import Path
from typing import Any

import pytest

from localcloud.tests import loopback
from localcloud.tests.waiting import eventually
from tests.e2e import pictures
from tests.e2e.stack import FINAL, Stack
from tests.e2e.test_deleting_and_reconciling import objects

PROMPT = "Two scenes: a snail climbs a wall, it rests on top."
FILM: dict[str, Any] = {"scenes": 2, "duration_s": 8, "quality": "draft", "cache": True}


def complete(stack: Stack, **fields: Any) -> dict[str, Any]:
    job = stack.wait(stack.submit(PROMPT, **FILM | fields))
    assert job["state"] == "COMPLETE", job["error"]
    return job


@pytest.fixture(scope="module")
def first(shared_stack: Stack) -> dict[str, Any]:
    """A film that its owner has paid for."""
    return complete(shared_stack)


def download(job: dict[str, Any], path: Path) -> Path:
    path.write_bytes(loopback.get(job["output"]["film"]["url"]).raise_for_status().content)
    return path


def test_same_film_costs_nothing_the_second_time_and_plays_when_the_first_is_deleted(
    stack: Stack, first: dict[str, Any], tmp_path: Path
) -> None:
    billed = stack.bill()
    assert stack.ledger(first["id"])["totals"]["spent_micros"] > 0

    second = complete(stack)

    assert stack.bill() == billed
    ledger = stack.ledger(second["id"])
    assert (ledger["totals"]["spent_micros"], ledger["totals"]["reserved_micros"]) == (0, 0)
    assert {call["source"]["job"] for call in ledger["calls"]} == {first["id"]}
    films = [download(job, tmp_path / f"{job['id']}.mp4") for job in (first, second)]
    starts = {0, 48, 96, 144}
    one, other = (pictures.frames(film, starts) for film in films)
    assert min(pictures.psnr(one[at], other[at]) for at in starts) > 45

    assert stack.api("DELETE", f"/v1/jobs/{first['id']}").status_code == 202
    eventually(lambda: not objects(stack, first["id"]), "the deletion of the first film", 60)

    assert download(stack.job(second["id"]), tmp_path / "again.mp4").read_bytes() == films[1].read_bytes()
    for scene in second["scenes"]:
        assert loopback.get(scene["clip"]["url"]).status_code == 200
    assert stack.bill() == billed


@pytest.mark.usefixtures("first")
def test_same_film_is_paid_when_it_is_to_be_made_anew(stack: Stack) -> None:
    job = complete(stack, cache=False)

    assert len(stack.bill(job["id"])) == 2
    assert all(call["source"] is None for call in stack.ledger(job["id"])["calls"])


@pytest.mark.usefixtures("first")
def test_same_film_is_paid_when_another_owner_asks_for_it(stack: Stack) -> None:
    answer = stack.api("POST", "/v1/jobs", json={"prompt": PROMPT, **FILM}, person="stranger")
    job_id = answer.json()["id"]

    eventually(
        lambda: stack.api("GET", f"/v1/jobs/{job_id}", person="stranger").json()["state"] in FINAL, "the other film"
    )

    calls = stack.api("GET", f"/v1/jobs/{job_id}/ledger", person="stranger").json()["calls"]
    assert len(stack.bill(job_id)) == 2
    assert all(call["source"] is None for call in calls)
