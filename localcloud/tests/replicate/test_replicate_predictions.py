"""A prediction from its create to its end, with the unmodified client and with plain HTTP."""

import re
from datetime import UTC, datetime

import pytest
from replicate.client import Client
from replicate.exceptions import ReplicateError

from localcloud.tests import loopback
from localcloud.tests.replicate.harness import KLING, VEO, FakeReplicate, create_prediction


def test_prediction_goes_from_starting_over_processing_to_succeeded_when_nothing_is_wrong(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.control("POST", "profile", {"latency_s": {"*": 3}})
    created = create_prediction(client)
    assert (created.status, created.output, created.error, created.version) == ("starting", None, None, "hidden")
    replicate.reaches(created.id, "processing")
    replicate.ended(created.id)
    done = client.predictions.get(created.id)

    assert (done.status, done.model) == ("succeeded", VEO)
    assert done.input == {"prompt": "A lighthouse at dawn", "duration": 4, "resolution": "720p"}
    assert done.metrics is not None
    assert done.metrics["video_output_duration_seconds"] == 4
    assert 0 < done.metrics["predict_time"] < done.metrics["total_time"]
    assert loopback.get(str(done.output)).headers["content-type"] == "video/mp4"


def test_prediction_has_the_members_of_the_reference_when_it_has_succeeded(replicate: FakeReplicate) -> None:
    replicate.break_with("output_missing")
    created = replicate.create()
    assert created.status_code == 201
    shown = created.json()
    assert set(shown) == {
        "id", "model", "version", "input", "logs", "output", "data_removed", "error", "source", "status", "created_at",
        "urls",
    }  # fmt: skip
    assert re.fullmatch(r"[0-9a-z]{26}", shown["id"])
    assert shown["urls"]["get"] == f"{replicate.url}/v1/predictions/{shown['id']}"
    assert shown["urls"]["cancel"] == f"{replicate.url}/v1/predictions/{shown['id']}/cancel"
    done = replicate.ended(shown["id"])

    assert set(done) - set(shown) == {"started_at", "completed_at", "metrics"}
    moments = [datetime.fromisoformat(done[each]) for each in ("created_at", "started_at", "completed_at")]
    assert moments == sorted(moments)
    assert all(moment.tzinfo == UTC for moment in moments)


def test_version_endpoint_runs_the_model_when_it_is_named_by_name_or_version(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.break_with("cold_start")
    version = client.models.get(KLING).latest_version
    assert version is not None
    given = {"prompt": "A boat", "start_image": "https://example.com/boat.png"}
    models = [
        client.predictions.create(version=spelled, input=given).model
        for spelled in (version.id, KLING, f"{KLING}:{version.id}")
    ]

    assert models == [KLING] * 3
    assert {entry["method"] for entry in replicate.ledger()} == {"predictions.create"}


def test_every_create_is_a_new_prediction_when_the_same_is_asked_for_again(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.break_with("cold_start")

    assert create_prediction(client).id != create_prediction(client).id
    assert len(replicate.ledger()) == 2


def test_canceled_prediction_ends_at_once_when_it_is_running(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("never_done")
    created = create_prediction(client)
    replicate.reaches(created.id, "processing")
    canceled = client.predictions.cancel(created.id)

    assert (canceled.status, canceled.output) == ("canceled", None)
    assert canceled.completed_at is not None
    assert replicate.state(created.id)["status"] == "canceled"


def test_ended_prediction_stays_as_it_ended_when_it_is_canceled(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("failed")
    created = create_prediction(client)
    replicate.ended(created.id)

    assert client.predictions.cancel(created.id).status == "failed"


def test_prediction_is_aborted_when_its_deadline_comes_before_it_starts(replicate: FakeReplicate) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.01})
    replicate.break_with("cold_start")
    created = replicate.create(headers={"Cancel-After": "1m"}).json()
    done = replicate.ended(created["id"])

    assert (done["status"], done["deadline"]) == ("aborted", created["deadline"])
    assert "started_at" not in done


def test_prediction_is_canceled_when_its_deadline_comes_while_it_runs(replicate: FakeReplicate) -> None:
    replicate.control("POST", "profile", {"time_scale": 0.01, "latency_s": {"*": 1}})
    replicate.break_with("never_done")
    done = replicate.ended(replicate.create(headers={"Cancel-After": "1m30s"}).json()["id"])

    assert done["status"] == "canceled"
    assert "started_at" in done


def test_answer_waits_for_the_end_when_prefer_asks_for_it(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("failed")
    answer = replicate.create(headers={"Prefer": "wait=60"})

    assert (answer.status_code, answer.json()["status"]) == (201, "failed")
    assert answer.headers["preference-applied"] == "wait=60"
    assert create_prediction(client, wait=True).status == "failed"


def test_answer_comes_before_the_end_when_prefer_waits_for_less(replicate: FakeReplicate) -> None:
    replicate.break_with("never_done")

    assert replicate.create(headers={"Prefer": "wait=1"}).json()["status"] in ("starting", "processing")


def test_list_shows_whole_predictions_newest_first_when_asked(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("cold_start")
    created = [create_prediction(client, input={"seed": seed}, webhook="https://example.com/told") for seed in (1, 2)]
    page = client.predictions.list()

    assert [each.id for each in page] == [created[1].id, created[0].id]
    assert [each.input["seed"] for each in page if each.input] == [2, 1]
    plain = replicate.ask("GET", "predictions").json()
    assert plain["results"][0] == replicate.state(created[1].id)
    assert not {"webhook", "webhook_events_filter"} & set(plain["results"][0])
    assert (plain["next"], plain["previous"]) == (None, None)


def test_list_leads_through_pages_of_a_hundred_when_there_are_more(replicate: FakeReplicate, client: Client) -> None:
    replicate.break_with("cold_start")
    created = [replicate.create().json()["id"] for _ in range(102)]
    first = client.predictions.list()
    assert first.next is not None
    second = client.predictions.list(first.next)

    assert [each.id for each in first] == created[:1:-1]
    assert [each.id for each in second] == [created[1], created[0]]
    assert (first.previous, second.next) == (None, None)
    assert second.previous is not None
    assert [each.id for each in client.predictions.list(second.previous)] == created[:1:-1]


def test_list_keeps_to_its_window_when_moments_are_given(replicate: FakeReplicate) -> None:
    replicate.break_with("cold_start")
    older, newer = (replicate.create().json() for _ in range(2))

    def listed(**window: str) -> list[str]:
        return [each["id"] for each in replicate.ask("GET", "predictions", params=window).json()["results"]]

    assert listed(created_after=newer["created_at"]) == [newer["id"]]
    assert listed(created_before=newer["created_at"]) == [older["id"]]
    assert listed(source="web") == []


def test_model_shows_its_inputs_when_it_is_read(client: Client) -> None:
    model = client.models.get("kwaivgi", "kling-v3-video")
    assert model.latest_version is not None
    given = model.latest_version.openapi_schema["components"]["schemas"]["Input"]

    assert (model.owner, model.name, model.visibility) == ("kwaivgi", "kling-v3-video", "public")
    assert given["required"] == ["prompt", "start_image"]
    assert given["properties"]["mode"]["enum"] == ["standard", "pro"]
    duration = given["properties"]["duration"]
    assert (duration["minimum"], duration["maximum"]) == (3, 15)
    assert given["properties"]["end_image"]["format"] == "uri"


@pytest.mark.parametrize("model", ["google/veo-9", "google/veo-1-retired"])
def test_model_is_not_found_when_it_is_unknown_or_retired(client: Client, model: str) -> None:
    with pytest.raises(ReplicateError) as refused:
        client.models.get(model)

    assert refused.value.status == 404
