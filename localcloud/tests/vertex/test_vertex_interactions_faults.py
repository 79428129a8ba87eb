"""Faults of interactions on order: each happens as told, costs what it says, and is counted."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from google import genai
from google.genai import types

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex, a_picture, ordered, pixels, psnr_db
from localcloud.tests.vertex.omni import OMNI, Pixels, create, ended, get, length_s, omni_client, shown, uri_of
from localcloud.tests.waiting import eventually

SMALL = (640, 360)
FIRST, LAST = a_picture("#203080", SMALL), a_picture("#a04010", SMALL)
PRICE = math.ceil((3 * 1_500_000 + 3 * 1931 * 12_000_000) / 1_000_000)  # of what `create` orders


@pytest.fixture
def client(vertex: FakeVertex) -> genai.Client:
    return omni_client(vertex)


@pytest.fixture
def images(object_store: ObjectStore) -> tuple[str, str]:
    return object_store.put("in/first.png", FIRST), object_store.put("in/last.png", LAST)


def bills(vertex: FakeVertex) -> list[tuple[str, int]]:
    return [(entry["outcome"], entry["micros"]) for entry in vertex.ledger()]


def rough_changes(clip: list[Pixels]) -> list[float]:
    """How much each frame differs from the one before."""
    return [float(np.abs(a[::8, ::8] - b[::8, ::8]).mean()) for a, b in pairwise(clip)]


@pytest.mark.parametrize(
    ("args", "error", "word"),
    [
        ({"code": 429}, "RateLimitError", "rate_limit_exceeded"),
        ({"code": 429, "status": "quota_exceeded"}, "RateLimitError", "quota_exceeded"),
        ({"code": 500}, "InternalServerError", "api_error"),
        ({"code": 503}, "InternalServerError", "service_unavailable"),
        ({"code": 504}, "InternalServerError", "deadline_exceeded"),
        ({"code": 403}, "PermissionDeniedError", "permission_denied"),
        ({"code": 404, "status": "model_not_found"}, "NotFoundError", "model_not_found"),
    ],
)
def test_status_is_answered_in_this_apis_words_and_never_billed_when_ordered(
    vertex: FakeVertex, client: genai.Client, args: dict[str, Any], error: str, word: str
) -> None:
    vertex.break_with("status", args=args, model="gemini-omni-*")
    with pytest.raises(Exception, match=word) as refused:
        create(client)

    raised: Any = refused.value
    assert (type(raised).__name__, raised.status_code, raised.body["error"]["code"]) == (error, args["code"], word)
    assert (bills(vertex), vertex.happened()) == ([], {"status": 1})


def test_client_posts_five_times_when_it_is_not_told_to_ask_once(vertex: FakeVertex) -> None:
    vertex.break_with("status", nth=[1, 2, 3, 4, 5], args={"code": 503})
    retries = types.HttpRetryOptions(initial_delay=0.01, max_delay=0.01)
    with pytest.raises(Exception, match="service_unavailable"):
        create(vertex.client("global", retry_options=retries))

    assert (vertex.happened(), bills(vertex)) == ({"status": 5}, [])


def test_nothing_was_accepted_when_reset_before_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("reset_before", method="createInteraction")
    with pytest.raises(Exception) as lost:  # noqa: PT011 - the client's class is checked below
        create(client)

    assert type(lost.value).__name__ == "APIConnectionError"
    assert bills(vertex) == []


def test_clip_is_billed_and_still_appears_when_the_answer_is_lost(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    vertex.break_with("reset_after", model=OMNI)
    with pytest.raises(Exception) as lost:  # noqa: PT011 - the client's class is checked below
        create(client, gcs_uri="gs://films/lost/")

    assert type(lost.value).__name__ == "APIConnectionError"
    assert len(eventually(lambda: object_store.listed("lost/"))) == 1
    assert bills(vertex) == [("answer_lost", PRICE)]


def test_clip_is_billed_and_appears_when_the_client_gave_up(vertex: FakeVertex, object_store: ObjectStore) -> None:
    vertex.break_with("hang", method="createInteraction")
    with pytest.raises(Exception) as lost:  # noqa: PT011 - the client's class is checked below
        create(omni_client(vertex, timeout=500), gcs_uri="gs://films/hung/")

    assert type(lost.value).__name__ == "APITimeoutError", lost.value
    assert len(eventually(lambda: object_store.listed("hung/"))) == 1
    assert bills(vertex) == [("answer_lost", PRICE)]


def test_interaction_fails_with_its_code_and_is_free_when_op_error_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("op_error", args={"code": 8, "message": "No capacity."}, nth=[1])
    vertex.break_with("op_error", nth=[2])
    ends = [ended(client, create(client)) for _ in range(2)]

    assert [each.status for each in ends] == ["failed", "failed"]
    errors = [(error.code, error.message) for each in ends for error in each.errors or []]
    assert errors[0] == ("rate_limit_exceeded", "No capacity.")
    assert errors[1][0] == "api_error"
    assert [each.usage for each in ends] == [None, None]
    assert bills(vertex) == [("failed", 0), ("failed", 0)]


def test_interaction_fails_with_the_reason_and_is_free_when_rai_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("rai", args={"codes": [58061214]})
    failed = ended(client, create(client))

    assert failed.status == "failed"
    (error,) = failed.errors or []
    assert error.code == "prohibited_content"
    assert "usage guidelines. Support codes: 58061214" in (error.message or "")
    assert (failed.output_video, failed.usage) == (None, None)
    assert bills(vertex) == [("filtered", 0)]


def test_polls_are_404_but_the_clip_appears_when_op_lost_is_ordered(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    vertex.break_with("op_lost")
    created = create(client, gcs_uri="gs://films/op-lost/")
    with pytest.raises(Exception, match="not_found") as lost:
        get(client, created)

    assert type(lost.value).__name__ == "NotFoundError"
    assert len(eventually(lambda: object_store.listed("op-lost/"))) == 1
    assert bills(vertex) == [("delivered", PRICE)]


def test_interaction_stays_in_progress_and_costs_nothing_when_never_done_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("never_done", nth=[1])
    stuck, punctual = create(client), create(client)
    ended(client, punctual)

    assert get(client, stuck).status == "in_progress"
    assert bills(vertex) == [("failed", 0), ("delivered", PRICE)]


def test_interaction_is_still_in_progress_when_late_output_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("late_output", nth=[1], args={"s": 600})
    late, punctual = create(client), create(client)
    ended(client, punctual)

    assert get(client, late).status == "in_progress"


def test_only_the_poll_fails_when_polls_are_cut(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("reset_before", method="getInteraction", nth=[1])
    created = create(client)
    with pytest.raises(Exception) as lost:  # noqa: PT011 - the client's class is checked below
        get(client, created)

    assert type(lost.value).__name__ == "APIConnectionError"
    assert ended(client, created).status == "completed"


def test_usage_is_not_reported_but_billed_when_usage_missing_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("usage_missing")
    done = ended(client, create(client))

    assert (done.status, done.usage) == ("completed", None)
    assert bills(vertex) == [("delivered", PRICE)]


def test_clip_is_cut_in_its_middle_when_ordered_and_the_prompt_allows_it(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore, images: tuple[str, str]
) -> None:
    vertex.break_with("hidden_cut")
    cut = shown(object_store, ended(client, create(client, *images, prompt="A fox runs.")))
    whole = shown(object_store, ended(client, create(client, *images, prompt="A fox runs. One Continuous Shot.")))

    assert psnr_db(cut[0], pixels(FIRST)) > 35
    assert psnr_db(cut[-1], pixels(LAST)) > 35
    changes = rough_changes(cut)
    assert int(np.argmax(changes)) == 35
    assert changes[35] > 3 * sorted(changes)[-2]
    assert max(rough_changes(whole)) < changes[35] / 3


def test_clip_is_a_little_too_long_when_inexact_length_is_ordered(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    exact = object_store.get(uri_of(ended(client, create(client))))
    vertex.break_with("inexact_length")
    inexact = object_store.get(uri_of(ended(client, create(client))))

    assert length_s(exact) == pytest.approx(3.0)
    assert length_s(inexact) == pytest.approx(3.008)
    assert bills(vertex) == [("delivered", PRICE)] * 2


@pytest.mark.parametrize("fault", ["usage_missing", "hidden_cut", "inexact_length"])
def test_veo_is_spared_when_a_fault_of_interactions_is_ordered(vertex: FakeVertex, fault: str) -> None:
    vertex.break_with(fault)
    ordered(vertex.client())

    assert vertex.happened() == {}


def test_flaws_of_clips_show_in_interactions_too_when_ordered(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore, images: tuple[str, str]
) -> None:
    vertex.break_with("short_clip", "wrong_size", "ignored_last_frame", model="gemini-omni-*")
    clip = shown(object_store, ended(client, create(client, *images)))

    assert (len(clip), clip[0].shape) == (36, (180, 320, 3))
    assert clip[-1].mean() < 5
