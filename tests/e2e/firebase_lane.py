"""One film on firebase-tools' Firestore and Storage emulators.

Its name keeps it out of the usual run, which must not need firebase-tools: `make test-firebase` runs it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.tests import loopback
from tests.e2e import pictures
from tests.e2e.stack import Stack, running


@pytest.fixture(scope="module")
def firebase_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("firebase-stack"), "--emulators", "firebase") as stack:
        yield stack


def test_film_is_complete_and_paid_once_when_firebase_tools_emulators_run(
    firebase_stack: Stack, tmp_path: Path
) -> None:
    job = firebase_stack.wait(firebase_stack.submit("Two scenes: a kite rises, it falls.", scenes=2, duration_s=8))
    assert job["state"] == "COMPLETE", job["error"]
    film = tmp_path / "film.mp4"
    film.write_bytes(loopback.get(job["output"]["film"]["url"]).raise_for_status().content)
    clips = [call for call in firebase_stack.ledger(job["id"])["calls"] if call["kind"] == "video"]

    assert {"firebase"} == set(firebase_stack.state["processes"]) & {"firebase", "firestore", "storage"}
    assert len(pictures.frames(film, {0, job["planned_frames"] - 1})) == 2
    assert sum(line["micros"] for line in firebase_stack.bill(job["id"])) == sum(call["cost_micros"] for call in clips)


def test_prompt_becomes_a_film_when_uploaded_to_firebase_tools_storage(firebase_stack: Stack) -> None:
    """This emulator sends no notifications: the stack finds the file by listing the bucket."""
    request = {"prompt": "One scene of a red kite over a grey sea", "owner": "owner@example.com", "scenes": 1}
    firebase_stack.upload("ideas/kite.json", json.dumps(request | {"duration_s": 4}).encode(), "application/json")

    report = firebase_stack.report("ideas/kite.json")

    assert report["state"] == "accepted", report
    assert firebase_stack.wait(report["job_id"])["state"] == "COMPLETE"
