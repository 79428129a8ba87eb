"""Faults on order: each happens as told, costs what it says, and is counted."""

import io
import json

import av
import httpx2
import numpy as np
import pytest
from google import genai
from google.genai import errors, types
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import (
    IMAGE_MODEL,
    TEXT_MODEL,
    FakeVertex,
    a_picture,
    finished,
    ordered,
    pictures_of,
    pixels,
)
from localcloud.tests.waiting import eventually


class Verdict(BaseModel):
    score: int
    reasons: list[str]


def written(client: genai.Client) -> types.GenerateContentResponse:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Verdict)
    return client.models.generate_content(model=TEXT_MODEL, contents="Judge the film.", config=config)


def bills(vertex: FakeVertex) -> list[tuple[str, int]]:
    return [(entry["outcome"], entry["micros"]) for entry in vertex.ledger()]


def clip_of(operation: types.GenerateVideosOperation) -> bytes:
    assert operation.response is not None
    assert operation.response.generated_videos
    video = operation.response.generated_videos[0].video
    assert video is not None
    assert video.video_bytes is not None
    return video.video_bytes


def shown(operation: types.GenerateVideosOperation) -> list[NDArray[np.uint8]]:
    """The frames, small enough to hold all of them at once."""
    with av.open(io.BytesIO(clip_of(operation)), "r") as container:
        small = (frame.reformat(width=160, height=90, format="rgb24") for frame in container.decode(video=0))
        return [np.asarray(frame.to_ndarray(), dtype=np.uint8) for frame in small]


def size_px(operation: types.GenerateVideosOperation) -> tuple[int, int]:
    with av.open(io.BytesIO(clip_of(operation)), "r") as container:
        context = container.streams.video[0].codec_context
        return context.width, context.height


@pytest.mark.parametrize(
    ("code", "status"),
    [(403, "PERMISSION_DENIED"), (429, "RESOURCE_EXHAUSTED"), (500, "INTERNAL"), (503, "UNAVAILABLE")],
)
def test_status_is_answered_and_never_billed_when_ordered(
    vertex: FakeVertex, client: genai.Client, code: int, status: str
) -> None:
    vertex.break_with("status", args={"code": code})
    with pytest.raises(errors.APIError) as refused:
        ordered(client)

    assert (refused.value.code, refused.value.status) == (code, status)
    assert (vertex.ledger(), vertex.happened()) == ([], {"status": 1})


def test_connection_breaks_and_nothing_was_accepted_when_reset_before_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("reset_before")
    with pytest.raises(httpx2.ReadError):
        ordered(client)

    assert (vertex.ledger(), vertex.happened()) == ([], {"reset_before": 1})


def test_clip_is_billed_and_still_appears_when_reset_after_is_ordered(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    vertex.break_with("reset_after", method="predictLongRunning")
    with pytest.raises(httpx2.ReadError):
        ordered(client, output_gcs_uri="gs://films/reset-after/")

    assert bills(vertex) == [("answer_lost", 4 * 400_000)]
    assert eventually(lambda: object_store.listed("reset-after/"))


@pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL])
def test_reset_after_is_billed_as_lost_when_text_or_picture(
    vertex: FakeVertex, client: genai.Client, model: str
) -> None:
    vertex.break_with("reset_after")
    with pytest.raises(httpx2.ReadError):
        client.models.generate_content(model=model, contents="A boat")

    ((outcome, micros),) = bills(vertex)
    assert outcome == "answer_lost"
    assert micros > 0


def test_call_was_accepted_and_its_answer_lost_when_the_client_gives_up(vertex: FakeVertex) -> None:
    vertex.break_with("hang", args={"s": 1.0}, nth=[1, 2])
    with pytest.raises(httpx2.ReadTimeout):
        ordered(vertex.client(timeout=300))
    eventually(lambda: bills(vertex))
    ordered(vertex.client())  # as long on its way: when it is back, the first call has ended too

    assert bills(vertex) == [("answer_lost", 4 * 400_000), ("delivered", 4 * 400_000)]


def test_answer_comes_when_the_client_waits_through_a_hang(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("hang", args={"s": 0.2})
    assert ordered(client).name

    assert bills(vertex) == [("delivered", 4 * 400_000)]


def test_text_does_not_parse_and_is_paid_when_malformed_json_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("malformed_json")
    answer = written(client)

    assert answer.parsed is None
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text or "")
    assert bills(vertex)[0][0] == "delivered"


def test_client_cannot_read_the_answer_when_malformed_body_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("malformed_json", args={"body": True})

    with pytest.raises(json.JSONDecodeError):
        written(client)


def test_answer_ends_at_the_limit_when_truncated_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("truncated")
    answer = written(client)

    assert answer.candidates is not None
    assert (answer.candidates[0].finish_reason, answer.parsed) == (types.FinishReason.MAX_TOKENS, None)


@pytest.mark.parametrize("model", [TEXT_MODEL, IMAGE_MODEL])
def test_prompt_is_billed_without_candidates_when_it_is_blocked(
    vertex: FakeVertex, client: genai.Client, model: str
) -> None:
    vertex.break_with("blocked", args={"reason": "SAFETY"})
    answer = client.models.generate_content(model=model, contents="A boat")

    assert answer.candidates is None
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason is types.BlockedReason.SAFETY
    assert bills(vertex) == [
        ("filtered", 5 if model == IMAGE_MODEL else 2)
    ]  # two tokens of prompt and a tenth, rounded up


def test_codes_are_named_and_its_usage_is_billed_when_rai_on_a_picture_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("rai", args={"codes": [56562880, 43188360]})
    answer = client.models.generate_content(model=IMAGE_MODEL, contents="A boat")

    assert pictures_of(answer) == []
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.IMAGE_SAFETY
    assert (answer.candidates[0].finish_message or "").endswith("Support codes: 56562880, 43188360")
    assert bills(vertex) == [("filtered", 533)]  # (2 x 2 + 40 x 12) and a tenth, rounded up


def test_a_picture_is_refused_in_words_and_its_usage_is_billed_when_words_are_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("words")
    answer = client.models.generate_content(model=IMAGE_MODEL, contents="A boat")

    assert pictures_of(answer) == []
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert "I cannot draw this picture" in str(answer.text)
    assert bills(vertex) == [("filtered", 718)]  # (2 x 2 + 54 x 12) and a tenth, rounded up


@pytest.mark.parametrize("missing", [["candidatesTokensDetails"], ["promptTokenCount", "totalTokenCount"], None])
def test_answer_lacks_it_and_costs_the_same_when_usage_is_ordered_away(
    vertex: FakeVertex, client: genai.Client, missing: list[str] | None
) -> None:
    client.models.generate_content(model=IMAGE_MODEL, contents="A boat")
    vertex.break_with("usage", args={} if missing is None else {"missing": missing})
    answer = client.models.generate_content(model=IMAGE_MODEL, contents="A boat")
    (_, whole), (_, lacking) = bills(vertex)

    assert pictures_of(answer)
    assert whole == lacking
    used = {} if answer.usage_metadata is None else answer.usage_metadata.model_dump(exclude_none=True, by_alias=True)
    assert not set(missing or used) & set(used)


def test_rai_on_a_clip_is_done_without_videos_and_free_when_ordered(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    vertex.break_with("rai", args={"codes": [58061214]})
    operation = finished(client, ordered(client, output_gcs_uri="gs://films/filtered/"))

    assert operation.error is None
    assert operation.response is not None
    assert not operation.response.generated_videos
    assert operation.response.rai_media_filtered_count == 1
    assert (operation.response.rai_media_filtered_reasons or [""])[0].endswith("Support codes: 58061214")
    assert bills(vertex) == [("filtered", 0)]
    assert object_store.listed("filtered/") == []


def test_rai_on_a_clip_says_what_is_ordered_when_its_sound_was_refused(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("rai", args={"reason": "We encountered an issue with the audio for your prompt."})
    operation = finished(client, ordered(client))

    assert operation.response is not None
    assert operation.response.rai_media_filtered_reasons == ["We encountered an issue with the audio for your prompt."]


def test_one_comes_and_one_is_paid_when_two_samples_are_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("rai_some")
    operation = finished(client, ordered(client, number_of_videos=2))

    assert operation.response is not None
    assert len(operation.response.generated_videos or []) == operation.response.rai_media_filtered_count == 1
    assert bills(vertex) == [("delivered", 4 * 400_000)]


def test_operation_fails_with_its_code_and_is_free_when_op_error_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("op_error", args={"code": 8, "message": "Out of capacity."})
    operation = finished(client, ordered(client))

    assert operation.error == {"code": 8, "message": "Out of capacity."}
    assert bills(vertex) == [("failed", 0)]


def test_op_lost_polls_are_404_but_the_clip_appears_when_ordered(
    vertex: FakeVertex, client: genai.Client, object_store: ObjectStore
) -> None:
    vertex.break_with("op_lost")
    operation = ordered(client, output_gcs_uri="gs://films/op-lost/")
    with pytest.raises(errors.ClientError) as lost:
        client.operations.get(operation)

    assert lost.value.code == 404
    assert eventually(lambda: object_store.listed("op-lost/"))
    assert bills(vertex) == [("delivered", 4 * 400_000)]


def test_operation_stays_pending_and_costs_nothing_when_never_done_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("never_done", nth=[1])
    stuck, healthy = ordered(client), ordered(client)
    finished(client, healthy)

    assert client.operations.get(stuck).done is None
    assert bills(vertex) == [("failed", 0), ("delivered", 4 * 400_000)]


def test_clip_is_still_pending_when_a_punctual_one_is_done_when_late_output_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    vertex.break_with("late_output", nth=[1], args={"s": 600})
    late, punctual = ordered(client), ordered(client)
    finished(client, punctual)

    assert client.operations.get(late).done is None


def test_clip_is_delivered_when_its_time_has_come(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("late_output", args={"s": 0.5})

    assert clip_of(finished(client, ordered(client)))
    assert vertex.happened() == {"late_output": 1}


def test_every_frame_is_black_when_black_clip_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("black_clip")

    assert max(frame.max() for frame in shown(finished(client, ordered(client, image=a_picture())))) < 8


def test_frozen_clip_shows_its_first_frame_to_the_end_when_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("frozen_clip")
    frames = shown(finished(client, ordered(client, image=a_picture("#203080"))))

    assert len(frames) == 96
    assert np.abs(frames[-1] - pixels(a_picture("#203080"), (160, 90))).mean() < 3


def test_clip_lacks_frames_when_a_short_one_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("short_clip", args={"share": 0.25})

    assert len(shown(finished(client, ordered(client)))) == 24


WIDE = types.GenerateContentConfig(image_config=types.ImageConfig(aspect_ratio="16:9"))


@pytest.mark.parametrize(
    ("kind", "described"),
    [
        ("square", ("PNG", "RGB", (768, 768))),
        ("jpeg", ("JPEG", "RGB", (1376, 768))),
        ("turned", ("JPEG", "RGB", (768, 1376))),
        ("transparent", ("PNG", "RGBA", (1376, 768))),
        ("cmyk", ("JPEG", "CMYK", (1376, 768))),
        ("deep", ("PNG", "I;16", (1376, 768))),
        ("palette", ("PNG", "P", (1376, 768))),
    ],
)
def test_picture_is_another_file_when_an_odd_one_is_ordered(
    vertex: FakeVertex, client: genai.Client, kind: str, described: tuple[str, str, tuple[int, int]]
) -> None:
    vertex.break_with("odd_file", args={"kind": kind})
    (answer,) = pictures_of(client.models.generate_content(model=IMAGE_MODEL, contents="A boat", config=WIDE))

    with Image.open(io.BytesIO(answer)) as picture:
        assert (picture.format, picture.mode, picture.size) == described


def test_picture_has_bars_when_they_are_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("bars", args={"shape": "pillarbox", "share": 0.1, "colour": "#102030"})
    (answer,) = pictures_of(client.models.generate_content(model=IMAGE_MODEL, contents="A boat", config=WIDE))

    with Image.open(io.BytesIO(answer)) as picture:
        strips = [picture.crop(box).getcolors() for box in ((0, 0, 136, 768), (1240, 0, 1376, 768))]
    assert strips == [[(136 * 768, (16, 32, 48))]] * 2


def test_clip_and_picture_are_smaller_when_a_wrong_size_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("wrong_size")
    (png,) = pictures_of(client.models.generate_content(model=IMAGE_MODEL, contents="A boat"))

    assert size_px(finished(client, ordered(client))) == (640, 360)
    assert pixels(png).shape == (512, 512, 3)


def test_last_frame_is_ignored_when_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    def last_frame() -> NDArray[np.uint8]:
        frame = types.Image(image_bytes=a_picture("#d0b020"), mime_type="image/png")
        return shown(finished(client, ordered(client, image=a_picture(), last_frame=frame)))[-1]

    asked = last_frame()
    vertex.break_with("ignored_last_frame")

    assert abs(last_frame().astype(int) - asked.astype(int)).mean() > 10


def test_sound_track_is_missing_when_no_audio_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("no_audio")

    with av.open(io.BytesIO(clip_of(finished(client, ordered(client)))), "r") as container:
        assert len(container.streams.audio) == 0


def test_exactly_the_numbered_calls_fail_when_nth_is_ordered(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("status", nth=[2, 3], model="gemini-*")

    def fails() -> bool:
        try:
            client.models.generate_content(model=TEXT_MODEL, contents="Hello there.")
        except errors.ServerError:
            return True
        return False

    assert [fails() for _ in range(4)] == [False, True, True, False]
    (rule,) = vertex.control("GET", "faults")["rules"]
    assert (rule["seen"], rule["happened"]) == (4, 2)


def test_about_that_share_fails_and_the_same_ones_again_when_rate_is_ordered(
    vertex: FakeVertex, client: genai.Client
) -> None:
    def failures() -> list[bool]:
        vertex.control("POST", "reset")
        vertex.control("POST", "profile", {"seed": 3})
        vertex.break_with("status", rate=0.4)
        outcomes = []
        for _ in range(30):
            try:
                client.models.count_tokens(model=TEXT_MODEL, contents="Hello")
                outcomes.append(False)
            except errors.ServerError:
                outcomes.append(True)
        return outcomes

    first, again = failures(), failures()

    assert first == again
    assert 4 <= sum(first) <= 22


def test_calls_pass_and_the_record_stays_when_rules_are_deleted(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("status")
    with pytest.raises(errors.ServerError):
        written(client)
    vertex.control("DELETE", "faults")

    assert isinstance(written(client).parsed, Verdict)
    assert vertex.happened() == {"status": 1}


def test_this_call_is_spared_when_rule_names_another_model_or_method(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("status", model="veo-*")
    vertex.break_with("status", method="countTokens")

    assert isinstance(written(client).parsed, Verdict)
    assert vertex.happened() == {}


def test_only_the_poll_fails_when_poll_is_reset(vertex: FakeVertex, client: genai.Client) -> None:
    vertex.break_with("reset_before", method="fetchPredictOperation", nth=[1])
    operation = ordered(client)
    with pytest.raises(httpx2.ReadError):
        client.operations.get(operation)

    assert clip_of(finished(client, operation))
