"""What the service refuses, in its words; nothing of it is accepted or billed."""

from typing import Any

import pytest
from replicate.client import Client
from replicate.exceptions import ReplicateError

from localcloud.tests import loopback
from localcloud.tests.replicate.harness import KLING, VEO, FakeReplicate, create_prediction


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "You did not pass an authentication token"),
        ({"Authorization": "Bearer r8_wrong"}, "You did not pass a valid authentication token"),
        ({"Authorization": "Token r8_local"}, "You did not pass a valid authentication token"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", f"models/{VEO}/predictions"), ("GET", "predictions")])
def test_call_is_refused_when_its_token_is_missing_or_wrong(
    replicate: FakeReplicate, method: str, path: str, headers: dict[str, str], detail: str
) -> None:
    answer = loopback.request(method, f"{replicate.url}/v1/{path}", headers=headers)

    assert (answer.status_code, answer.json()) == (
        401,
        {"title": "Unauthenticated", "detail": detail, "status": 401},
    )


def test_create_is_refused_when_its_model_is_unknown(replicate: FakeReplicate, client: Client) -> None:
    with pytest.raises(ReplicateError) as refused:
        create_prediction(client, "google/veo-9")

    assert (refused.value.status, replicate.ledger()) == (404, [])


def test_create_is_refused_when_its_version_is_unknown(replicate: FakeReplicate, client: Client) -> None:
    with pytest.raises(ReplicateError) as refused:
        client.predictions.create(version="0" * 64, input={"prompt": "A boat"})

    assert (refused.value.status, refused.value.title) == (422, "Invalid version or not permitted")


@pytest.mark.parametrize(
    ("model", "given", "kind", "field", "description"),
    [
        (VEO, {"duration": 4}, "required", "input", "prompt is required"),
        (KLING, {"prompt": "A boat"}, "required", "input", "start_image is required"),
        (VEO, {"prompt": 7}, "invalid_type", "input.prompt", "Invalid type. Expected: string, given: integer"),
        (VEO, {"prompt": "A boat", "seed": None}, "invalid_type", "input.seed",
         "Invalid type. Expected: integer, given: null"),
        (VEO, {"prompt": "A boat", "duration": 5}, "enum", "input.duration",
         "duration must be one of the following: 4, 6, 8"),
        (VEO, {"prompt": "A boat", "aspect_ratio": "4:3"}, "enum", "input.aspect_ratio",
         'aspect_ratio must be one of the following: "16:9", "9:16"'),
        (KLING, {"prompt": "A boat", "start_image": "https://example.com/a.png", "duration": 16}, "number_lte",
         "input.duration", "Must be less than or equal to 15"),
        (KLING, {"prompt": "A boat", "start_image": "https://example.com/a.png", "duration": 2}, "number_gte",
         "input.duration", "Must be greater than or equal to 3"),
        (VEO, {"prompt": "A boat", "image": ["https://example.com/a.png"]}, "invalid_type", "input.image",
         "Invalid type. Expected: string, given: array"),
        (VEO, {"prompt": "A boat", "image": "boat.png"}, "format", "input.image", "Does not match format 'uri'"),
        (VEO, {"prompt": "A boat", "reference_images": ["boat.png"]}, "format", "input.reference_images.0",
         "Does not match format 'uri'"),
        (VEO, {"prompt": "A boat", "start_image": "https://example.com/a.png"}, "additional_property_not_allowed",
         "input", "Additional property start_image is not allowed"),
    ],
)  # fmt: skip
def test_create_is_refused_in_the_services_words_when_an_input_is_wrong(
    replicate: FakeReplicate, model: str, given: dict[str, Any], kind: str, field: str, description: str
) -> None:
    answer = replicate.create(model, input=given)

    assert (answer.status_code, answer.json()) == (
        422,
        {
            "title": "Input validation failed",
            "detail": f"- {field}: {description}\n",
            "status": 422,
            "invalid_fields": [{"type": kind, "field": field, "description": description}],
        },
    )
    assert replicate.ledger() == []


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "- input is required\n"),
        ({"input": {"prompt": "A boat"}, "seed": 7}, "- Additional property seed is not allowed\n"),
        ({"input": {"prompt": "A boat"}, "version": "x"}, "- Additional property version is not allowed\n"),
        ({"input": {"prompt": "A boat"}, "webhook": "http://example.com/told"},
         "- webhook: webhook must be an HTTPS URL\n"),
        ({"input": {"prompt": "A boat"}, "webhook_events_filter": ["end"]},
         '- webhook_events_filter.0: 0 must be one of the following: "start", "output", "logs", "completed"\n'),
    ],
)  # fmt: skip
def test_create_is_refused_when_its_body_is_wrong(replicate: FakeReplicate, body: dict[str, Any], detail: str) -> None:
    answer = replicate.ask("POST", f"models/{VEO}/predictions", json=body)

    assert (answer.status_code, answer.json()["detail"]) == (422, detail)


@pytest.mark.parametrize(
    "headers", [{"Prefer": "wait=61"}, {"Prefer": "wait=0"}, {"Cancel-After": "4s"}, {"Cancel-After": "soon"}]
)
def test_create_is_refused_when_a_header_is_out_of_range(replicate: FakeReplicate, headers: dict[str, str]) -> None:
    assert replicate.create(headers=headers).status_code == 422
    assert replicate.ledger() == []


def test_create_is_refused_when_there_is_no_credit(replicate: FakeReplicate, client: Client) -> None:
    replicate.control("POST", "credit", {"micros": 0})
    with pytest.raises(ReplicateError) as refused:
        create_prediction(client)

    assert (refused.value.status, refused.value.title) == (402, "Insufficient credit")
    assert str(refused.value.detail).startswith("You have insufficient credit to run this model.")
    assert replicate.ledger() == []


def test_credit_shrinks_by_the_price_when_a_prediction_succeeds(replicate: FakeReplicate) -> None:
    replicate.control("POST", "credit", {"micros": 6_000_000})
    replicate.break_with("output_missing")
    replicate.ended(replicate.create().json()["id"])

    assert replicate.control("GET", "credit") == {"micros": 6_000_000 - 4 * 400_000}


def test_creates_are_throttled_to_one_at_a_time_when_credit_is_low(replicate: FakeReplicate) -> None:
    replicate.control("POST", "credit", {"micros": 4_999_999})
    replicate.break_with("cold_start")
    first, second = replicate.create(), replicate.create()

    assert (first.status_code, second.status_code) == (201, 429)
    body = second.json()
    wait_s = body.pop("retry_after")
    assert 1 <= wait_s <= 10
    assert body == {
        "detail": "Request was throttled. Your rate limit for creating predictions is reduced to 6 requests per "
        "minute with a burst of 1 requests while you have less than $5.0 in credit. "
        f"Your rate limit resets in ~{wait_s}s.",
        "status": 429,
    }
    assert (second.headers["ratelimit-remaining"], second.headers["ratelimit-reset"]) == ("0", str(wait_s))
    assert len(replicate.ledger()) == 1


def test_creates_are_throttled_and_reads_are_not_when_the_profile_limits_a_model(
    replicate: FakeReplicate, client: Client
) -> None:
    replicate.control("POST", "profile", {"quota_per_min": {"google/*": 2}})
    replicate.break_with("cold_start")
    created = [create_prediction(client) for _ in range(2)]
    with pytest.raises(ReplicateError) as refused:
        create_prediction(client)

    assert (refused.value.status, len(replicate.ledger())) == (429, 2)
    assert client.predictions.get(created[0].id).status == "starting"


def test_answers_say_what_is_left_of_the_limit_when_nothing_was_ordered(replicate: FakeReplicate) -> None:
    replicate.break_with("cold_start")

    assert replicate.create().headers["ratelimit-remaining"] == "599"
    assert int(replicate.ask("GET", "predictions").headers["ratelimit-remaining"]) > 2900


def test_prediction_is_not_found_when_its_id_is_unknown(client: Client) -> None:
    with pytest.raises(ReplicateError) as refused:
        client.predictions.get("x" * 26)

    assert refused.value.status == 404


def test_list_is_refused_when_its_cursor_was_never_given_out(replicate: FakeReplicate) -> None:
    assert replicate.ask("GET", "predictions", params={"cursor": "!!"}).status_code == 404
