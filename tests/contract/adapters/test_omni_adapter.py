"""What only Gemini Omni has: a bill by tokens, and a prompt that must not be empty."""

from datetime import UTC, datetime

import pytest

from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import FakeVertex
from localcloud.tests.waiting import eventually
from promptreel.domain.models import Resolution, registry
from promptreel.errors import NotFound, Refused
from promptreel.ports.models import Succeeded
from tests.contract.adapters.backends import Setting, omni_setting

RESERVED_MICROS = 999_999
OMNI = registry().video_model("gemini-omni-1.2-flash")


@pytest.fixture
def omni(vertex: FakeVertex, object_store: ObjectStore) -> Setting:
    return omni_setting(vertex, object_store)


def cost_of(state: object) -> int:
    assert isinstance(state, Succeeded)
    return OMNI.cost_micros(state.usage, datetime.now(UTC), RESERVED_MICROS)


@pytest.mark.parametrize(("resolution", "seconds"), [("360p", 3), ("720p", 4), ("1080p", 3)])
def test_clip_costs_its_reported_tokens_to_the_micro_dollar_and_less_than_was_reserved(
    omni: Setting, resolution: Resolution, seconds: int
) -> None:
    state = omni.end_of(omni.submit(f"usage-{resolution}", resolution=resolution, seconds=seconds))

    assert omni.bills() == [("delivered", cost_of(state))]
    assert 0 < cost_of(state) < OMNI.max_micros(seconds, resolution, datetime.now(UTC), audio=True)


def test_clip_costs_what_was_reserved_when_its_usage_is_not_reported(omni: Setting) -> None:
    omni.stand_in.break_with("usage_missing")

    assert cost_of(omni.end_of(omni.submit("usage-missing"))) == RESERVED_MICROS


@pytest.mark.parametrize("prompt", ["", " \n\t"])
def test_submit_is_refused_and_nothing_is_sent_when_the_prompt_is_empty(omni: Setting, prompt: str) -> None:
    omni.stand_in.break_with("status", args={"code": 503})

    with pytest.raises(Refused):
        omni.submit("empty", prompt=prompt)

    assert omni.stand_in.happened() == {}
    assert omni.bills() == []


def test_clip_is_left_to_be_found_in_the_bucket_when_someone_cancelled_it(
    omni: Setting, vertex: FakeVertex, object_store: ObjectStore
) -> None:
    vertex.break_with("late_output", args={"s": 1.0})
    operation = omni.submit("cancelled")
    vertex.client("global").interactions.cancel(operation.name)

    with pytest.raises(NotFound):
        omni.backend.poll(operation)
    eventually(lambda: object_store.listed("interactions/cancelled/"))
    assert [outcome for outcome, _ in omni.bills()] == ["delivered"]
