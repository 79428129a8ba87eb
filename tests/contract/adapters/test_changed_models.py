"""Limits and prices that are changed in models.json hold for planner, API, adapter and stand-in alike."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.replicate.harness import FakeReplicate
from localcloud.tests.vertex.harness import FakeVertex
from promptreel.domain.models import Resolution, registry
from promptreel.domain.planning import FilmSpec, accept
from promptreel.errors import Invalid, Refused
from promptreel.http.model_list import describe_models
from promptreel.ports.models import Failed, Succeeded
from tests.contract.adapters.backends import Setting, omni_setting, replicate_setting, veo_setting
from tests.fakes.services import PROTOCOLS

VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
NOW = datetime.now(UTC)


@contextmanager
def before_stand_in(model_id: str, file: Path, store: ObjectStore) -> Iterator[Setting]:
    """A model's backend before a stand-in that reads the changed file."""
    options = ("--models", str(file))
    if model_id == KLING:
        with FakeReplicate(free_port(), options).started() as replicate, replicate_setting(replicate, store) as setting:
            yield setting
        return
    with FakeVertex(free_port(), store.url, options).started() as vertex:
        yield veo_setting(vertex, store) if model_id == VEO else omni_setting(vertex, store)
        for client in vertex.clients:
            client.close()


def plan(model_id: str, seconds: int, resolution: Resolution) -> FilmSpec:
    request = {"prompt": "A fox", "scenes": 1, "duration_s": seconds, "resolution": resolution, "budget_usd": 100}
    return accept({**request, "models": {"video": model_id}}, NOW, PROTOCOLS)[1]


def seconds_in_api(model_id: str) -> dict[str, list[int]]:
    (model,) = (one for one in describe_models(registry(), NOW, PROTOCOLS)["models"] if one["id"] == model_id)
    return dict(model["seconds"])


SECOND = {"per_second": {"with_audio": {"720p": 70_007}, "silent": {"720p": 30_003}}}
TOKENS = {"per_million_tokens": {"input": 7_000_000, "text_output": 9_000_000, "video_output": 55_000_000}}


@pytest.mark.parametrize(
    ("model_id", "resolution", "allowed_s", "no_longer_s", "price"),
    [(VEO, "720p", 5, 8, SECOND), (OMNI, "360p", 12, 3, TOKENS), (KLING, "720p", 16, 4, SECOND)],
)
def test_length_and_price_of_a_clip_are_those_of_the_file_everywhere(
    change_model: Callable[..., Path],
    object_store: ObjectStore,
    model_id: str,
    resolution: Resolution,
    allowed_s: int,
    no_longer_s: int,
    price: dict[str, Any],
) -> None:
    prices = [{"since": "2026-01-01", **price}]
    file = change_model(model_id, seconds={"first_last": {resolution: [allowed_s]}}, prices=prices)

    assert seconds_in_api(model_id) == {resolution: [allowed_s]}
    spec = plan(model_id, allowed_s, resolution)
    assert spec.durations_s == (allowed_s,)
    with pytest.raises(Invalid):
        plan(model_id, no_longer_s, resolution)
    with before_stand_in(model_id, file, object_store) as setting:
        with pytest.raises(Refused):
            setting.submit("no-longer", model=model_id, resolution=resolution, seconds=no_longer_s)
        state = setting.end_of(setting.submit("allowed", model=model_id, resolution=resolution, seconds=allowed_s))

        assert isinstance(state, Succeeded)
        reserved = spec.video.max_micros(allowed_s, resolution, NOW, audio=False)
        cost = spec.video.cost_micros(state.usage, NOW, reserved)
        assert [micros for _, micros in setting.bills()] == [cost]
        if price is SECOND:
            assert cost == reserved == allowed_s * 30_003
        else:
            assert allowed_s * 1931 * 55 < cost < reserved


def test_prompt_fails_unpaid_when_it_is_longer_than_the_file_allows(
    change_model: Callable[..., Path], object_store: ObjectStore
) -> None:
    file = change_model(KLING, max_prompt_chars=300)

    with before_stand_in(KLING, file, object_store) as setting:
        fits = setting.end_of(setting.submit("fits", model=KLING, prompt="x" * 300))
        longer = setting.end_of(setting.submit("longer", model=KLING, prompt="x" * 301))

        assert isinstance(fits, Succeeded)
        assert isinstance(longer, Failed)
        assert "at most 300 characters" in longer.reason
