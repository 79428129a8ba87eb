"""What the Interactions API refuses before anything is accepted or paid: nothing that is sent is ignored."""

import base64
from typing import Any

import httpx
import pytest
from google.genai import errors

from localcloud.tests import loopback
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import IMAGE_MODEL, TEXT_MODEL, VIDEO_MODEL, FakeVertex, a_picture
from localcloud.tests.vertex.omni import OMNI, body, create, ended, omni_client

IMAGE = {
    "type": "image",
    "mime_type": "image/png",
    "data": base64.b64encode(a_picture(size_px=(64, 36))).decode(),
}
TEXT = {"type": "text", "text": "A fox runs."}


def post(vertex: FakeVertex, sent: Any, location: str = "global", token: str = "Bearer x") -> httpx.Response:
    url = f"{vertex.url}/v1beta1/projects/p/locations/{location}/interactions"
    return loopback.post(url, json=sent, headers={"Authorization": token} if token else {})


def with_input(*contents: Any, task: str = "image_to_video", **video: Any) -> dict[str, Any]:
    return body(task=task, **video) | {"input": [{"type": "user_input", "content": list(contents)}]}


def with_format(**changes: Any) -> dict[str, Any]:
    sent = body()
    sent["response_format"] |= changes
    return sent


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (body() | {"background": False}, "The value false is not supported for 'background'"),
        ({name: value for name, value in body().items() if name != "background"}, "for 'background'"),
        (body() | {"background": 1}, "The value 1 is not supported for 'background'"),
        (body() | {"store": False}, "for 'store'"),
        (body() | {"stream": True}, "for 'stream'"),
        (body() | {"safety_settings": [{"type": "dangerous"}]}, "'safety_settings' parameter is not supported"),
        (body() | {"system_instruction": "Be kind."}, "'system_instruction' parameter is not supported"),
        (body() | {"tools": []}, "'tools' parameter is not supported"),
        (body() | {"response_modalities": ["video"]}, "Request contains an invalid argument."),
        (body() | {"previous_interaction_id": "video-1"}, f"{OMNI} on this path do not support previous_interaction"),
        (body() | {"labels": {"Job": "x"}}, "Invalid input at 'labels.Job'"),
        (body() | {"labels": []}, "Invalid input at 'labels'"),
        (body() | {"generation_config": None}, "'task' parameter is required at 'generation_config.video_config'"),
        (body() | {"generation_config": {"temperature": 1, "video_config": {}}}, "'generation_config.temperature'"),
        (body() | {"generation_config": {"seed": -1, "video_config": {"task": "text_to_video"}}}, "config.seed'"),
        (body() | {"generation_config": {"seed": True, "video_config": {"task": "text_to_video"}}}, "config.seed'"),
        (
            body(task="dance"),
            "'dance' is not supported for 'generation_config.video_config.task'. Supported values: 't",
        ),
        (body(task="edit"), "Task 'edit' is not supported"),
        (body(task="extend"), "Task 'extend' is not supported"),
        (body(task="upscale"), "Task 'upscale' is not supported"),
        (body(task="image_to_video"), "needs between 1 and 2 input images, got 0"),
        (body(task="reference_to_video"), "needs between 1 and 5 input images, got 0"),
        (with_input(TEXT, IMAGE, task="text_to_video"), "needs 0 input images, got 1"),
        (with_input(TEXT, IMAGE, IMAGE, IMAGE), "needs between 1 and 2 input images, got 3"),
        (with_input(TEXT, *[IMAGE] * 6, task="reference_to_video"), "got 6"),
        (with_input(TEXT, {"type": "video", "uri": "gs://films/x.mp4"}), "Input of type 'video' is not supported"),
        (with_input(TEXT, IMAGE | {"resolution": "high"}), "'input[0].content[1].resolution' parameter"),
        (with_input(TEXT, IMAGE | {"uri": "gs://films/x.png"}), "Exactly one of 'data' and 'uri'"),
        (with_input(TEXT, IMAGE | {"mime_type": None}), "'mime_type' parameter is required at 'input[0].content[1]'"),
        (with_input(TEXT, IMAGE | {"mime_type": "image/heic"}), "'image/heic' is not supported"),
        (with_input(TEXT, IMAGE | {"mime_type": "image/jpeg"}), "is not a readable JPEG image"),
        (with_input(TEXT, IMAGE | {"data": "bm8gcGljdHVyZQ=="}), "is not a readable PNG image"),
        (with_input(TEXT, IMAGE | {"data": "%"}), "Base64 decoding failed"),
        (with_input(TEXT, {"type": "image", "mime_type": "image/png", "uri": "gs://films/none.png"}), "Cannot fetch"),
        (with_input(TEXT, {"type": "image", "mime_type": "image/png", "uri": "http://x/y.png"}), "Cannot fetch"),
        (with_input({"type": "text", "text": 5}), "Invalid input at 'input[0].content[0].text'"),
        (with_input({"text": "A fox."}), "'type' parameter is required at 'input[0].content[0]'"),
        (with_input("A fox."), "Invalid input at 'input[0].content[0]'"),
        (body() | {"input": [{"role": "user", "content": [TEXT]}]}, "use step_list input format instead of turn_list"),
        (body() | {"input": [{"type": "model_output", "content": [TEXT]}]}, "'model_output' is not supported"),
        (body() | {"response_format": None}, "'type' parameter is required at 'response_format'"),
        (body() | {"response_format": []}, "Exactly one response format"),
        (with_format(type="image"), "The value 'image' is not supported for 'response_format.type'"),
        (with_format(aspect_ratio="1:1"), "'response_format.aspect_ratio'. Supported values: '16:9', '9:16'."),
        (
            with_format(resolution="480p"),
            "'response_format.resolution'. Supported values: '360p', '720p', '1080p', '4k'",
        ),
        (
            with_format(duration="2s"),
            "The value '2s' is not supported for 'response_format.duration'. Supported values",
        ),
        (with_format(duration="16s"), "'15s'."),
        (with_format(duration="3.5s"), "The value '3.5s' is not supported"),
        (with_format(duration="3"), "Invalid input at 'response_format'."),
        (with_format(duration=3), "Invalid input at 'response_format'."),
        (with_input(TEXT, IMAGE, IMAGE, duration="11s"), "The value '11s' is not supported"),
        (with_format(delivery="stream"), "'response_format.delivery'. Supported values: 'inline', 'uri'."),
        (with_format(gcs_uri=None), "The 'gcs_uri' parameter is required at 'response_format'."),
        (with_format(gcs_uri="https://x/"), "Invalid Cloud Storage URI"),
        (with_format(gcs_uri="gs://"), "Invalid Cloud Storage URI"),
        (with_format(delivery="inline"), "'gcs_uri' parameter at 'response_format' needs the delivery 'uri'"),
        ({**body(), "model": None}, "The 'model' parameter is required."),
        ({**body(), "model": TEXT_MODEL}, f"Model '{TEXT_MODEL}' does not support background interactions."),
        ({**body(), "model": IMAGE_MODEL}, f"Model '{IMAGE_MODEL}' does not support background interactions."),
        ({**body(), "model": VIDEO_MODEL}, f"Model '{VIDEO_MODEL}' does not support interactions."),
        ([], "The root element must be an object"),
    ],
)
def test_order_is_400_in_words_and_free_when_it_breaks_a_limit(vertex: FakeVertex, sent: Any, words: str) -> None:
    answer = post(vertex, sent)

    assert answer.status_code == 400, answer.text
    assert words in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == "invalid_request"
    assert vertex.ledger() == []


@pytest.mark.parametrize(
    ("sent", "name", "path"),
    [
        (body() | {"negative_prompt": "cats"}, "negative_prompt", ""),
        (body() | {"agent": "x"}, "agent", ""),
        (body() | {"generation_config": {"negative_prompt": "cats"}}, "negative_prompt", "generation_config"),
        (
            body() | {"generation_config": {"video_config": {"task": "text_to_video", "negative_prompt": "cats"}}},
            "negative_prompt",
            "generation_config.video_config",
        ),
        (with_format(negative_prompt="cats"), "negative_prompt", "response_format"),
        (with_format(sample_count=2), "sample_count", "response_format"),
        (body() | {"input": [{"type": "user_input", "contents": []}]}, "contents", "input[0]"),
        (with_input(TEXT | {"annotations": []}), "annotations", "input[0].content[0]"),
        (with_input(TEXT, IMAGE | {"role": "first"}), "role", "input[0].content[1]"),
    ],
)
def test_unknown_field_is_400_with_its_place_and_free_when_sent(
    vertex: FakeVertex, sent: dict[str, Any], name: str, path: str
) -> None:
    answer = post(vertex, sent)

    where = f" at '{path}'" if path else ""
    error = {"message": f"Unknown parameter '{name}'{where}.", "code": "parameter_unknown"}
    assert (answer.status_code, answer.json()) == (400, {"error": error})
    assert vertex.ledger() == []


def test_null_counts_as_absent_when_sent(vertex: FakeVertex) -> None:
    assert post(vertex, body() | {"safety_settings": None, "labels": None}).status_code == 200


@pytest.mark.parametrize(("location", "model"), [("us-central1", OMNI), ("eu", OMNI), ("global", "gemini-omni-9")])
def test_model_is_404_when_unknown_or_asked_for_outside_global(vertex: FakeVertex, location: str, model: str) -> None:
    answer = post(vertex, body() | {"model": model}, location)

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")
    assert f"projects/p/locations/{location}/publishers/google/models/{model}" in answer.json()["error"]["message"]
    assert vertex.ledger() == []


def test_client_raises_its_own_errors_when_refused(vertex: FakeVertex) -> None:
    with pytest.raises(Exception, match="'2s' is not supported") as refused:
        create(omni_client(vertex), duration="2s")

    assert not isinstance(refused.value, errors.APIError)
    assert (type(refused.value).__name__, refused.value.status_code) == ("BadRequestError", 400)  # type: ignore[attr-defined]


@pytest.mark.parametrize("token", ["", "Bearer", "Basic abc"])
def test_call_is_401_when_it_carries_no_bearer_token(vertex: FakeVertex, token: str) -> None:
    url = f"{vertex.url}/v1beta1/projects/p/locations/global/interactions"
    headers = {"Authorization": token} if token else {}
    answers = [
        post(vertex, body(), token=token),
        loopback.get(f"{url}/video-x", headers=headers),
        loopback.post(f"{url}/video-x/cancel", headers=headers),
    ]

    assert [(each.status_code, each.json()["error"]["code"]) for each in answers] == [(401, "authentication")] * 3


@pytest.mark.parametrize("verb", ["generateContent", "predictLongRunning"])
@pytest.mark.parametrize("location", ["global", "us-central1"])
def test_omni_is_refused_when_called_by_the_verbs_of_other_models(vertex: FakeVertex, verb: str, location: str) -> None:
    url = f"{vertex.url}/v1beta1/projects/p/locations/{location}/publishers/google/models/{OMNI}:{verb}"
    sent = {"contents": [{"parts": [{"text": "Hello"}]}]} if verb == "generateContent" else {"instances": []}
    answer = loopback.post(url, json=sent, headers={"Authorization": "Bearer x"})

    assert answer.status_code == (400 if location == "global" else 404)
    if verb == "generateContent" and location == "global":
        assert answer.json()["error"]["message"] == (
            f"{OMNI} is only supported in the Interactions API and cannot be called directly via generateContent."
        )


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("v1_abc", 400, "invalid_request"),
        ("video-00000000-0000-0000-0000-000000000000", 404, "not_found"),
        ("video-00000000-0000-0000-0000-000000000000?stream=true", 400, "invalid_request"),
        ("video-00000000-0000-0000-0000-000000000000?include_input=true", 400, "invalid_request"),
        ("video-00000000-0000-0000-0000-000000000000?fields=id", 400, "parameter_unknown"),
    ],
)
def test_poll_is_refused_when_its_id_or_query_is_not_known(vertex: FakeVertex, path: str, code: int, word: str) -> None:
    url = f"{vertex.url}/v1beta1/projects/p/locations/global/interactions/{path}"
    answer = loopback.get(url, headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (code, word)


def test_interaction_is_not_found_when_another_project_or_veos_poll_asks(vertex: FakeVertex) -> None:
    created = create(omni_client(vertex))
    url = f"{vertex.url}/v1beta1/projects/other/locations/global/interactions/{created.id}"

    assert loopback.get(url, headers={"Authorization": "Bearer x"}).status_code == 404
    veo = f"{vertex.url}/v1/projects/p/locations/us-central1/publishers/google/models/{VIDEO_MODEL}"
    asked = {"operationName": created.id}
    answer = loopback.post(f"{veo}:fetchPredictOperation", json=asked, headers={"Authorization": "Bearer x"})
    assert answer.status_code == 404


def test_cancel_is_refused_when_the_interaction_is_over(vertex: FakeVertex) -> None:
    client = omni_client(vertex)
    done = ended(client, create(client))

    assert done.id
    with pytest.raises(Exception, match="is no longer in progress"):
        client.interactions.cancel(done.id)


def test_quota_is_429_and_free_when_it_is_spent(vertex: FakeVertex) -> None:
    vertex.control("POST", "profile", {"quota_per_min": {"gemini-omni-*": 1}})
    create(omni_client(vertex))
    with pytest.raises(Exception, match="Quota exceeded") as refused:
        create(omni_client(vertex))

    assert type(refused.value).__name__ == "RateLimitError"
    assert len(vertex.ledger()) == 1


def test_interaction_fails_and_is_free_when_the_bucket_does_not_exist(
    vertex: FakeVertex, object_store: ObjectStore
) -> None:
    failed = ended(omni_client(vertex), create(omni_client(vertex), gcs_uri="gs://no-such-bucket/x/"))

    assert failed.status == "failed"
    assert [each.code for each in failed.errors or []] == ["not_found"]
    assert [(entry["outcome"], entry["micros"]) for entry in vertex.ledger()] == [("failed", 0)]
