"""What the states of an interaction mean: a clip, a failure with the code that decides its remedy, or neither yet."""

from typing import Any

import pytest
from google.genai.interactions import Interaction

from promptreel.adapters.omni import _read_state
from promptreel.domain.models import TokenUsage
from promptreel.errors import NotFound
from promptreel.ports.models import Failed, OperationState, Running, Succeeded

CLIP = {"type": "video", "uri": "gs://films/p/1/sample_0.mp4", "mime_type": "video/mp4"}
USED: dict[str, Any] = {
    "total_input_tokens": 2250,
    "total_output_tokens": 5793,
    "total_thought_tokens": 0,
    "output_tokens_by_modality": [{"modality": "video", "tokens": 5793}],
}
TOKENS = TokenUsage(input=2250, output=0, picture=5793)


def state_of(status: str, *content: dict[str, Any], **more: Any) -> OperationState:
    steps = [{"type": "thought", "signature": "AAAA"}, {"type": "model_output", "content": list(content)}]
    return _read_state(Interaction.model_validate({"id": "video-1", "status": status, "steps": steps} | more))


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@pytest.mark.parametrize("status", ["in_progress", "queued", "requires_continuation", "idle", "of_next_year"])
def test_interaction_runs_until_its_status_is_an_end(status: str) -> None:
    assert state_of(status) == Running()


def test_interaction_tells_nothing_of_its_clip_when_someone_cancelled_it() -> None:
    with pytest.raises(NotFound):
        state_of("cancelled")


@pytest.mark.parametrize(
    ("content", "usage", "state"),
    [
        ([CLIP], USED, Succeeded(CLIP["uri"], TOKENS)),
        ([words("Here it is."), CLIP], USED, Succeeded(CLIP["uri"], TOKENS)),
        ([CLIP], None, Succeeded(CLIP["uri"])),
        ([], USED, Failed("Filtered without a reason.", ("safety",), TOKENS)),
        ([{"type": "video"}], USED, Failed("Filtered without a reason.", ("safety",), TOKENS)),
        ([words("I cannot film this.")], USED, Failed("I cannot film this.", ("safety",), TOKENS)),
        ([words("I cannot film this sound.")], USED, Failed("I cannot film this sound.", ("audio",), TOKENS)),
    ],
)
def test_completed_interaction_has_a_clip_or_was_filtered(
    content: list[dict[str, Any]], usage: dict[str, Any] | None, state: OperationState
) -> None:
    assert state_of("completed", *content, usage=usage) == state


@pytest.mark.parametrize(
    ("code", "message", "codes"),
    [
        ("prohibited_content", "Not delivered. Support codes: 58061214", ("58061214",)),
        ("prohibited_content", "Not delivered.", ("safety",)),
        ("rate_limit_exceeded", "No capacity.", ("quota",)),
        ("api_error", "Something broke.", ("outage",)),
        ("service_unavailable", None, ("outage",)),
        ("permission_denied", "Bucket.", ("configuration",)),
        ("model_not_found", "Gone.", ("model_unavailable",)),
        (None, "Something odd.", ("unknown",)),
        (None, None, ("unknown",)),
    ],
)
def test_failed_interaction_is_classified_by_its_errors_code_and_words(
    code: str | None, message: str | None, codes: tuple[str, ...]
) -> None:
    state = state_of("failed", errors=[{"code": code, "message": message}])

    assert isinstance(state, Failed)
    assert (state.codes, state.usage) == (codes, None)
    assert state.reason


@pytest.mark.parametrize("status", ["failed", "incomplete", "budget_exceeded", "requires_action"])
def test_interaction_fails_as_unknown_when_it_ended_without_clip_error_or_words(status: str) -> None:
    state = state_of(status)

    assert isinstance(state, Failed)
    assert (state.codes, status in state.reason) == (("unknown",), True)


@pytest.mark.parametrize(
    ("changes", "usage"),
    [
        ({}, TOKENS),
        ({"total_thought_tokens": 40}, TokenUsage(input=2250, output=40, picture=5793)),
        ({"total_thought_tokens": None}, TOKENS),
        ({"total_output_tokens": 5800}, TokenUsage(input=2250, output=0, picture=5800)),
        ({"total_output_tokens": None}, TOKENS),
        ({"output_tokens_by_modality": [{"modality": "VIDEO", "tokens": 5793}]}, TOKENS),
        (
            {"output_tokens_by_modality": [{"modality": "video", "tokens": 5700}, {"modality": "audio", "tokens": 93}]},
            TOKENS,
        ),
        (
            {"output_tokens_by_modality": [{"modality": "video", "tokens": 5700}, {"modality": "text", "tokens": 93}]},
            TokenUsage(input=2250, output=93, picture=5700),
        ),
        ({"total_input_tokens": None}, None),
        ({"output_tokens_by_modality": None}, None),
        ({"output_tokens_by_modality": []}, None),
    ],
)
def test_usage_is_read_by_modality_or_counts_as_not_reported(changes: dict[str, Any], usage: TokenUsage | None) -> None:
    assert state_of("completed", CLIP, usage=USED | changes) == Succeeded(CLIP["uri"], usage)
