"""From an upload to the real object store, by Google's own client, to a destination."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.eventarc.events import FINALIZED
from localcloud.tests import loopback
from localcloud.tests.harness import Metadata, StandIn, Worker, listening, stand_in
from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.waiting import eventually

FILM = "projects/local/locations/us-central1/workflows/film"


@pytest.fixture
def pubsub_port() -> int:
    """Where the store publishes its changes."""
    return free_port()


@pytest.fixture
def store(pubsub_port: int) -> Iterator[ObjectStore]:
    publishing = "-event.list finalize -event.pubsub-project-id local -event.pubsub-topic changes"
    emulator = f"127.0.0.1:{pubsub_port}"
    with ObjectStore.started(
        *publishing.split(), buckets=("prompts", "artifacts"), PUBSUB_EMULATOR_HOST=emulator
    ) as running:
        yield running


@pytest.fixture
def worker() -> Iterator[Worker]:
    with listening(Worker()) as server:
        yield server


@pytest.fixture
def routing(tmp_path: Path, store: ObjectStore, pubsub_port: int, worker: Worker) -> Callable[..., Any]:
    """Starts Eventarc for the store with one trigger, always on the same state folder."""

    @contextmanager
    def start(
        *options: str, environ: Mapping[str, str] | None = None, hears: bool = True, **fields: Any
    ) -> Iterator[StandIn]:
        trigger = {"name": "t", "bucket": "prompts", "event": FINALIZED, "url": f"{worker.url}/events", **fields}
        file = tmp_path / "triggers.json"
        file.write_text(json.dumps({"triggers": [trigger], "backoff": {"min_s": 0.02, "max_s": 0.2}}))
        ear = ("--pubsub-port", str(pubsub_port)) if hears else ()
        with stand_in(
            "eventarc",
            *("--config", str(file), "--state-dir", str(tmp_path / "state"), *ear, *options),
            environ={"STORAGE_EMULATOR_HOST": store.url, **(environ or {})},
        ) as process:
            yield process

    return start


def uploaded(store: ObjectStore, how: str) -> None:
    bucket = store.client().bucket("prompts")
    match how:
        case "multipart":
            bucket.blob("idea.json").upload_from_string(b'{"prompt": "x"}', content_type="application/json")
        case "resumable":
            blob = bucket.blob("idea.json", chunk_size=256 * 1024)
            blob.upload_from_string(b"x" * 300_000, content_type="application/json")
        case "media":
            url = f"{store.url}/upload/storage/v1/b/prompts/o?uploadType=media&name=idea.json"
            loopback.post(url, content=b"x", headers={"Content-Type": "application/json"})


def subjects(worker: Worker) -> list[str]:
    return [request.headers["ce-subject"].removeprefix("objects/") for request in worker.received]


@pytest.mark.parametrize("how", ["multipart", "resumable", "media"])
def test_service_gets_one_cloudevent_when_new_object_is_uploaded(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker, how: str
) -> None:
    with routing() as process:
        uploaded(store, how)
        got = eventually(lambda: worker.received)[0]
        eventually(lambda: process.control("GET", "owed").json() == {"owed": []})
    resource = json.loads(got.body)

    assert (got.method, got.path, got.headers["content-type"]) == ("POST", "/events", "application/json")
    assert got.headers["ce-type"] == FINALIZED
    assert got.headers["ce-source"] == "//storage.googleapis.com/projects/_/buckets/prompts"
    assert (resource["name"], resource["contentType"]) == ("idea.json", "application/json")
    assert subjects(worker) == ["idea.json"]
    blob = store.client().bucket("prompts").get_blob("idea.json")
    assert blob is not None
    assert (int(resource["generation"]), int(resource["size"])) == (blob.generation, blob.size)
    assert resource["md5Hash"] == blob.md5_hash
    assert base64.b64decode(resource["etag"])


def test_both_generations_are_delivered_when_only_reports_are_heard(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    blob = store.client().bucket("prompts").blob("idea.json")
    with routing(environ={"STORAGE_EMULATOR_HOST": ""}):
        blob.upload_from_string(b"first")
        first = blob.generation
        blob.upload_from_string(b"second")
        # The store was up before its listener: after refused connections it may wait before it reports.
        eventually(lambda: len(worker.received) == 2)

    assert {int(json.loads(request.body)["generation"]) for request in worker.received} == {first, blob.generation}


def test_object_causes_no_event_when_no_trigger_names_its_bucket(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    with routing():
        store.client().bucket("artifacts").blob("clip.mp4").upload_from_string(b"x")
        store.client().bucket("prompts").blob("last.json").upload_from_string(b"x")
        eventually(lambda: worker.received)

    assert subjects(worker) == ["last.json"]


def test_event_carries_an_id_token_when_its_trigger_has_an_account(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    with (
        listening(Metadata()) as metadata,
        routing(
            environ={"GCE_METADATA_HOST": metadata.url.removeprefix("http://")}, account="e@local", audience="https://a"
        ),
    ):
        uploaded(store, "multipart")
        got = eventually(lambda: worker.received)[0]

    assert got.headers["authorization"] == "Bearer id-token:e@local:https://a"


def test_workflow_is_executed_with_the_event_as_text_when_an_object_is_uploaded(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    with (
        listening(Metadata()) as metadata,
        routing(
            environ={"GCE_METADATA_HOST": metadata.url.removeprefix("http://")},
            account="e@local",
            workflow=FILM,
            workflows_url=worker.url,
        ),
    ):
        uploaded(store, "multipart")
        got = eventually(lambda: worker.received)[0]
    event = json.loads(json.loads(got.body)["argument"])

    assert (got.method, got.path) == ("POST", f"/v1/{FILM}/executions")
    assert got.headers["authorization"] == "Bearer access-token:e@local"
    assert (event["type"], event["bucket"], event["subject"]) == (FINALIZED, "prompts", "objects/idea.json")
    assert (event["data"]["bucket"], event["data"]["name"]) == ("prompts", "idea.json")


def test_refusing_destination_gets_the_same_event_when_it_recovers(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    worker.statuses = [500, 404, 429]
    with routing() as process:
        uploaded(store, "multipart")
        eventually(lambda: len(worker.received) == 4)
        eventually(lambda: process.control("GET", "owed").json() == {"owed": []})

    assert len({request.headers["ce-id"] for request in worker.received}) == 1


def test_owed_and_missed_events_are_delivered_when_the_killed_stand_in_is_started_again(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    bucket = store.client().bucket("prompts")
    bucket.blob("before-the-trigger.json").upload_from_string(b"x")
    with routing() as first:
        bucket.blob("delivered.json").upload_from_string(b"x")
        eventually(lambda: worker.received and first.control("GET", "owed").json() == {"owed": []})
        worker.open.clear()
        bucket.blob("owed.json").upload_from_string(b"x")
        eventually(lambda: len(worker.received) == 2)
        first.kill()
    bucket.blob("missed.json").upload_from_string(b"x")
    worker.open.set()
    with routing() as second:
        eventually(lambda: len(worker.received) >= 4)
        eventually(lambda: second.control("GET", "owed").json() == {"owed": []})

    assert subjects(worker)[:2] == ["delivered.json", "owed.json"]
    assert sorted(subjects(worker)[2:]) == ["missed.json", "owed.json"]


def test_objects_are_found_by_listing_when_no_report_is_heard(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    bucket = store.client().bucket("prompts")
    with routing(hears=False):
        for name in ("first.json", "second.json"):
            bucket.blob(name).upload_from_string(b"x")
        eventually(lambda: len(worker.received) == 2)

    assert sorted(subjects(worker)) == ["first.json", "second.json"]


def test_same_event_comes_twice_and_is_counted_when_duplicates_are_ordered(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    with routing() as process:
        assert process.control("POST", "faults", json={"duplicate_rate": 1}).status_code == 200
        uploaded(store, "multipart")
        eventually(lambda: len(worker.received) == 2)
        counted = process.control("GET", "faults").json()["duplicated"]

    assert (counted, len({request.headers["ce-id"] for request in worker.received})) == (1, 1)


def test_a_later_upload_is_delivered_first_when_reordering_is_ordered(
    routing: Callable[..., Any], store: ObjectStore, worker: Worker
) -> None:
    bucket = store.client().bucket("prompts")
    with routing() as process:
        process.control("POST", "faults", json={"reorder_rate": 1, "hold_s": 6})
        bucket.blob("first.json").upload_from_string(b"x")
        eventually(lambda: process.control("GET", "owed").json()["owed"])
        counted = process.control("GET", "faults").json()["reordered"]
        process.control("DELETE", "faults")
        bucket.blob("second.json").upload_from_string(b"x")
        eventually(lambda: len(worker.received) == 2)

    assert (counted, subjects(worker)) == (1, ["second.json", "first.json"])


@pytest.mark.parametrize("order", [{"duplicate_rate": 2}, {"reorder_rate": "often"}, {"hold_s": -1}])
def test_fault_order_is_answered_with_400_in_googles_envelope_when_impossible(
    routing: Callable[..., Any], order: dict[str, Any]
) -> None:
    with routing() as process:
        answer = process.control("POST", "faults", json=order)

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
