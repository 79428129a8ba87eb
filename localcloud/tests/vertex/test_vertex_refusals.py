"""What is refused before anything is accepted or paid, and in which words."""

import io
from typing import Any

import av
import pytest
from google import genai
from google.genai import errors, types

from localcloud.tests import loopback
from localcloud.tests.vertex.harness import TEXT_MODEL, VIDEO_MODEL, FakeVertex, a_picture, ordered

FAST, LITE = "veo-3.1-fast-generate-001", "veo-3.1-lite-generate-001"
PICTURE = types.Image(image_bytes=a_picture(size_px=(64, 36)), mime_type="image/png")
REFERENCE = types.VideoGenerationReferenceImage(image=PICTURE, reference_type=types.VideoGenerationReferenceType.ASSET)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"duration_seconds": 5}, r"duration 5 seconds, supported durations are \[4,6,8\] for feature text_to_video"),
        ({"duration_seconds": 5, "image": a_picture()}, "for feature image_to_video"),
        ({"duration_seconds": 4, "resolution": "1080p"}, r"supported durations are \[8\] for resolution 1080p"),
        ({"duration_seconds": 6, "resolution": "4k"}, r"supported durations are \[8\] for resolution 4k"),
        ({"duration_seconds": 8, "resolution": "4k", "model": LITE}, "resolution 4k"),
        ({"resolution": "480p"}, "resolution 480p"),
        ({"aspect_ratio": "1:1"}, "aspectRatio 1:1"),
        ({"number_of_videos": 5}, "sampleCount must be between 1 and 4"),
        ({"last_frame": PICTURE}, "image field is required"),
        ({"reference_images": [REFERENCE], "duration_seconds": 4}, r"\[8\] for feature reference_to_video"),
        ({"reference_images": [REFERENCE] * 4, "duration_seconds": 8}, "at most 3"),
        ({"reference_images": [REFERENCE], "duration_seconds": 8, "image": a_picture()}, "cannot be both set"),
        ({"reference_images": [REFERENCE], "duration_seconds": 8, "model": LITE}, "not supported by model"),
        ({"output_gcs_uri": "https://example.com/"}, "gs://"),
        ({"image": b"not a picture"}, "not a readable PNG or JPEG"),
        ({"fps": 30}, "fps 30"),
        ({"mask": types.VideoGenerationMask(image=PICTURE)}, "Mask is not supported by model"),
        ({"person_generation": "allow_cats"}, "personGeneration allow_cats"),
        ({"prompt": ""}, "prompt or image is required"),
        ({"seed": -1}, "seed must be between"),
    ],
)
def test_clip_order_is_400_in_words_and_free_when_it_breaks_a_limit(
    vertex: FakeVertex, client: genai.Client, config: dict[str, Any], words: str
) -> None:
    with pytest.raises(errors.ClientError, match=words) as refused:
        ordered(client, **config)

    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")
    assert vertex.ledger() == []


def a_clip(seconds: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=1, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        for _ in range(seconds):
            container.mux(stream.encode(av.VideoFrame(64, 36, "yuv420p")))
        container.mux(stream.encode())
    return file.getvalue()


@pytest.mark.parametrize(
    ("source", "config", "words"),
    [
        ({"video": a_clip(31)}, {}, "31.0 seconds, between 1 and 30"),
        ({"video": b"no clip"}, {}, "Unable to process input video"),
        ({"video": a_clip(2)}, {"duration_seconds": 8}, r"supported durations are \[7\] for feature video_extension"),
        ({"video": a_clip(2)}, {"resolution": "4k"}, "resolution 4k"),
        ({"video": a_clip(2)}, {"last_frame": PICTURE}, "cannot be set together"),
    ],
)
def test_extension_is_400_and_free_when_it_breaks_a_limit(
    vertex: FakeVertex, client: genai.Client, source: dict[str, bytes], config: dict[str, Any], words: str
) -> None:
    video = types.Video(video_bytes=source["video"], mime_type="video/mp4")
    with pytest.raises(errors.ClientError, match=words):
        client.models.generate_videos(
            model=VIDEO_MODEL,
            source=types.GenerateVideosSource(prompt="It goes on", video=video),
            config=types.GenerateVideosConfig(**config),
        )

    assert vertex.ledger() == []


def test_references_are_accepted_when_three_with_eight_seconds(client: genai.Client) -> None:
    assert ordered(client, reference_images=[REFERENCE] * 3, duration_seconds=8).name


@pytest.mark.parametrize("model", ["veo-0.0-generate-001", "gemini-0-flash"])
def test_404_names_the_whole_resource_when_a_model_is_unknown(client: genai.Client, model: str) -> None:
    with pytest.raises(errors.ClientError) as refused:
        client.models.generate_content(model=model, contents="Hello")

    assert (refused.value.code, refused.value.status) == (404, "NOT_FOUND")
    assert refused.value.message == (
        f"Publisher Model `projects/any-project/locations/us-central1/publishers/google/models/{model}` was not found "
        "or your project does not have access to it. Please ensure you are using a valid model version."
    )


def test_veo_is_answered_with_404_when_asked_for_in_the_global_location(vertex: FakeVertex) -> None:
    with pytest.raises(errors.ClientError) as refused:
        ordered(vertex.client(location="global"))

    assert refused.value.code == 404


@pytest.mark.parametrize("authorization", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic abc"}])
@pytest.mark.parametrize("verb", ["generateContent", "countTokens", "predictLongRunning", "fetchPredictOperation"])
def test_call_is_answered_with_401_when_it_carries_no_bearer_token(
    vertex: FakeVertex, authorization: dict[str, str], verb: str
) -> None:
    url = f"{vertex.url}/v1beta1/projects/p/locations/l/publishers/google/models/{TEXT_MODEL}:{verb}"
    answer = loopback.post(url, json={}, headers=authorization)

    assert answer.status_code == 401
    assert answer.json()["error"]["status"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("model", "verb"), [(VIDEO_MODEL, "generateContent"), (TEXT_MODEL, "predictLongRunning"), (TEXT_MODEL, "unknown")]
)
def test_call_is_refused_when_model_is_asked_for_what_it_cannot(vertex: FakeVertex, model: str, verb: str) -> None:
    url = f"{vertex.url}/v1/projects/p/locations/us-central1/publishers/google/models/{model}:{verb}"
    body = {"contents": [{"parts": [{"text": "Hello"}]}], "instances": [{"prompt": "Hello"}]}
    answer = loopback.post(url, json=body, headers={"Authorization": "Bearer x"})

    assert answer.status_code in (400, 404)
    assert vertex.ledger() == []


@pytest.mark.parametrize("body", [b"{not json", b"[]", b"{}", b'{"contents": []}', b'{"contents": [{"parts": 5}]}'])
def test_body_is_400_in_the_envelope_when_it_makes_no_sense(vertex: FakeVertex, body: bytes) -> None:
    url = f"{vertex.url}/v1/projects/p/locations/global/publishers/google/models/{TEXT_MODEL}:generateContent"
    answer = loopback.post(url, content=body, headers={"Authorization": "Bearer x"})

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("sampling", [{"temperature": 0.0}, {"top_p": 0.9}, {"top_k": 40}])
def test_sampling_parameter_is_refused_when_the_model_no_longer_takes_it(
    vertex: FakeVertex, sampling: dict[str, Any]
) -> None:
    config = types.GenerateContentConfig(**sampling)
    with pytest.raises(errors.ClientError, match="not supported by model gemini-4-argon"):
        vertex.client("global").models.generate_content(model="gemini-4-argon", contents="Hello", config=config)

    assert vertex.ledger() == []


def test_request_is_refused_when_it_ends_in_a_model_turn(vertex: FakeVertex, client: genai.Client) -> None:
    turns: list[Any] = [
        types.Content(role="user", parts=[types.Part.from_text(text="Write JSON.")]),
        types.Content(role="model", parts=[types.Part.from_text(text="{")]),
    ]
    with pytest.raises(errors.ClientError, match="ending with a model turn") as refused:
        client.models.generate_content(model=TEXT_MODEL, contents=turns)

    assert (refused.value.code, vertex.ledger()) == (400, [])
    corrected = [*turns, types.Content(role="user", parts=[types.Part.from_text(text="Correct it.")])]
    assert client.models.generate_content(model=TEXT_MODEL, contents=corrected).text


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "gemini-3-pro-image", VIDEO_MODEL])
def test_model_that_is_ordered_to_be_retired_is_404_in_the_words_of_an_unknown_one(
    vertex: FakeVertex, client: genai.Client, model: str
) -> None:
    vertex.break_with("status", args={"code": 404}, model=model)
    contents = types.GenerateVideosSource(prompt="Hello") if model == VIDEO_MODEL else "Hello"
    ask: Any = client.models.generate_videos if model == VIDEO_MODEL else client.models.generate_content
    name = "source" if model == VIDEO_MODEL else "contents"
    with pytest.raises(errors.ClientError, match=f"Publisher Model `projects/.*{model}` was not found") as refused:
        ask(model=model, **{name: contents})

    assert refused.value.status == "NOT_FOUND"


def test_status_is_ordered_with_the_words_status_and_details_of_any_class(
    vertex: FakeVertex, client: genai.Client
) -> None:
    reason = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}]
    answer = {"code": 400, "message": "Not allowlisted.", "status": "FAILED_PRECONDITION", "details": reason}
    vertex.break_with("status", args=answer)
    with pytest.raises(errors.ClientError) as refused:
        ordered(client)

    assert refused.value.details == {"error": answer}
