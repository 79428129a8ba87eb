"""The control surface: bills to the micro-dollar, latencies and quotas on order, orders that make no sense."""

import csv
import time
from datetime import datetime

import pytest
from google import genai
from google.genai import errors, types

from localcloud.tests import loopback
from localcloud.tests.vertex.harness import IMAGE_MODEL, TEXT_MODEL, VIDEO_MODEL, FakeVertex, finished, ordered


@pytest.mark.parametrize(("location", "tenths"), [("global", 10), ("us-central1", 11), ("eu", 11)])
def test_bill_is_its_tokens_times_the_price_and_a_tenth_more_outside_global_when_text_is_answered(
    vertex: FakeVertex, location: str, tenths: int
) -> None:
    client = vertex.client(location=location)
    usage = client.models.generate_content(model=TEXT_MODEL, contents="A lighthouse at dawn.").usage_metadata

    assert usage is not None
    answered = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    in_2026 = -(-((usage.prompt_token_count or 0) * 750_000 + answered * 3_750_000) * tenths // 10_000_000)
    from_2027 = -(-((usage.prompt_token_count or 0) * 1_500_000 + answered * 7_500_000) * tenths // 10_000_000)
    (entry,) = vertex.ledger()
    year = datetime.fromisoformat(entry["at"]).year
    assert entry["micros"] == (in_2026 if year < 2027 else from_2027)


@pytest.mark.parametrize(
    ("model", "size", "picture_micros"),
    [
        ("gemini-3-pro-image", "1K", 134_400),
        ("gemini-3.1-flash-image", "2K", 100_800),
        ("gemini-3.1-flash-lite-image", "1K", 33_600),
        ("gemini-nano-banana-2.1", "1K", 33_600),
    ],
)
def test_picture_costs_its_tokens_at_the_picture_price_when_painted(
    vertex: FakeVertex, model: str, size: str, picture_micros: int
) -> None:
    client = vertex.client(location="global")
    config = types.GenerateContentConfig(image_config=types.ImageConfig(image_size=size))
    client.models.generate_content(model=model, contents="A boat", config=config)

    (entry,) = vertex.ledger()
    assert 0 <= entry["micros"] - picture_micros < 1000  # prompt and thoughts


def test_ledger_has_every_field_when_clip_is_accepted(vertex: FakeVertex, client: genai.Client) -> None:
    operation = finished(client, ordered(client, duration_seconds=8, output_gcs_uri="gs://films/ledger/"))

    (entry,) = vertex.ledger()
    assert datetime.fromisoformat(entry.pop("at")).tzinfo is not None
    assert entry == {
        "n": 1,
        "model": VIDEO_MODEL,
        "method": "predictLongRunning",
        "micros": 8 * 400_000,
        "storage_uri": "gs://films/ledger/",
        "operation": operation.name,
        "outcome": "delivered",
    }


def test_polls_and_token_counts_are_free_when_made(vertex: FakeVertex, client: genai.Client) -> None:
    client.models.count_tokens(model=TEXT_MODEL, contents="Hello")
    client.operations.get(ordered(client))

    assert [entry["method"] for entry in vertex.ledger()] == ["predictLongRunning"]


def test_operation_fails_and_is_free_when_bucket_does_not_exist(vertex: FakeVertex, client: genai.Client) -> None:
    operation = finished(client, ordered(client, output_gcs_uri="gs://no-such-bucket/x/"))

    assert operation.error is not None
    assert operation.error["code"] == 5
    assert [(entry["outcome"], entry["micros"]) for entry in vertex.ledger()] == [("failed", 0)]


def test_spent_quota_is_429_with_its_name_when_other_models_go_on(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.control("POST", "profile", {"quota_per_min": {"veo-*": 2}})
    ordered(client)
    ordered(client)
    with pytest.raises(errors.ClientError) as refused:
        ordered(client)

    assert (refused.value.code, refused.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert refused.value.message == (
        "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: "
        "veo-3.1-generate. Please submit a quota increase request."
    )
    assert len(vertex.ledger()) == 2
    assert client.models.generate_content(model=TEXT_MODEL, contents="Hello there.").text


def test_calls_pass_again_when_the_scaled_minute_of_a_quota_is_over(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.control("POST", "profile", {"quota_per_min": {"veo-*": 1}, "time_scale": 0.001})
    names = {ordered(vertex.client(retry_options=types.HttpRetryOptions(attempts=5, initial_delay=0.1))).name}
    names.add(ordered(vertex.client(retry_options=types.HttpRetryOptions(attempts=5, initial_delay=0.1))).name)

    assert len(names) == 2


def test_latency_is_taken_times_the_scale_when_the_profile_sets_it(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.control("POST", "profile", {"latency_s": {"gemini-*": [10, 10]}, "time_scale": 0.1})
    before = time.monotonic()
    client.models.generate_content(model=TEXT_MODEL, contents="Hello there.")

    assert time.monotonic() - before >= 1.0


@pytest.mark.parametrize(
    ("path", "order"),
    [
        ("profile", {"speed": 2}),
        ("profile", []),
        ("profile", {"latency_s": {"*": [2, 1]}}),
        ("profile", {"time_scale": "fast"}),
        ("faults", {"fault": "status"}),
        ("faults", [{"fault": "earthquake"}]),
        ("faults", [{"fault": "status", "nht": [1]}]),
        ("faults", [{"fault": "status"}, 5]),
    ],
)
def test_order_is_400_and_changes_nothing_when_it_makes_no_sense(vertex: FakeVertex, path: str, order: object) -> None:
    answer = loopback.post(f"{vertex.url}/_local/{path}", json=order)

    assert answer.status_code == 400
    assert vertex.control("GET", "faults")["rules"] == []


def test_ledger_faults_and_operations_are_empty_after_a_reset(vertex: FakeVertex, client: genai.Client) -> None:
    operation = ordered(client)
    vertex.break_with("status", nth=[99])
    vertex.control("POST", "reset")

    assert (vertex.ledger(), vertex.control("GET", "faults")) == ([], {"rules": [], "happened": {}})
    with pytest.raises(errors.ClientError, match="not found"):
        client.operations.get(operation)
    client.models.generate_content(model=IMAGE_MODEL, contents="A boat")
    assert [entry["n"] for entry in vertex.ledger()] == [1]


def test_ledger_says_the_same_line_by_line_when_asked_for_as_csv(vertex: FakeVertex, client: genai.Client) -> None:
    client.models.generate_content(model=TEXT_MODEL, contents="A lighthouse at dawn.")
    ordered(client, duration_seconds=8, output_gcs_uri="gs://films/ledger/")

    lines = list(csv.DictReader(loopback.get(f"{vertex.url}/_local/ledger.csv").text.splitlines()))

    kept = [{name: "" if value is None else str(value) for name, value in line.items()} for line in vertex.ledger()]
    assert lines == kept
    assert len(lines) == 2
