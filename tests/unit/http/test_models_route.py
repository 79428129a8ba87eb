"""The list of models in the API: life cycle, limits, prices, and whether a request may name each here."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from rich.console import Console

from client.views import models_view
from promptreel.domain.models import registry
from promptreel.http import routes
from tests.fakes.services import FakeServices
from tests.fakes.system import START
from tests.unit.http.api_requests import bearer, submit

VEO, OMNI, KLING = "veo-3.1-generate-001", "gemini-omni-1.2-flash", "kwaivgi/kling-v3-video"
WRITER, PAINTER = "gemini-3.8-flash", "gemini-3.1-flash-image"


def listed(http: FlaskClient) -> dict[str, dict[str, Any]]:
    """The API's models by id."""
    answer = http.get("/v1/models", headers=bearer())
    assert answer.status_code == 200
    return {model["id"]: model for model in answer.get_json()["models"]}


def pass_until(world: FakeServices, day: datetime) -> None:
    world.clock.pass_s((day - world.clock.now()).total_seconds())


def test_list_has_every_model_of_the_registry_with_its_kind(http: FlaskClient) -> None:
    known = registry()
    kinds = {"text": known.text, "image": known.image, "video": known.video, "lipsync": known.lipsync}

    assert {model_id: model["kind"] for model_id, model in listed(http).items()} == {
        model.id: kind for kind, models in kinds.items() for model in models
    }


def test_model_has_its_life_cycle_provider_and_quality_levels(http: FlaskClient) -> None:
    fields = ("stage", "released", "retires_not_before", "replaced_by", "provider", "protocol", "location", "qualities")
    models = listed(http)

    def shown(model_id: str) -> list[Any]:
        return [models[model_id][field] for field in fields]

    levels = ["draft", "standard", "best"]
    succession = ["2027-09-02", "gemini-3.5-flash-lite"]
    assert shown(WRITER) == ["ga", "2026-09-02", *succession, "Vertex AI", None, None, levels]
    assert shown(VEO) == ["ga", "2025-11-17", "2027-05-04", OMNI, "Vertex AI", "veo", None, ["standard", "best"]]
    assert shown(KLING) == ["ga", "2026-02-05", None, None, "Replicate", "predictions", None, []]
    assert (models[OMNI]["protocol"], models[OMNI]["location"]) == ("interactions", "global")


def test_video_model_has_the_limits_of_a_clip_between_two_keyframes(http: FlaskClient) -> None:
    veo = listed(http)[VEO]

    assert veo["seconds"] == {"720p": [4, 6, 8], "1080p": [8], "4k": [8]}
    assert veo["frame_px"]["1080p"] == {"16:9": [1920, 1080], "9:16": [1080, 1920]}
    assert {field: veo[field] for field in ("aspects", "sound", "max_references", "max_prompt_chars")} == {
        "aspects": ["16:9", "9:16"],
        "sound": "optional",
        "max_references": 3,
        "max_prompt_chars": 3500,
    }
    assert veo["quota_per_minute"] == 50


def test_lipsync_model_is_listed_with_its_price_and_refused_where_a_request_names_it(http: FlaskClient) -> None:
    lips = listed(http)["sync/lipsync-2-pro"]

    assert (lips["kind"], lips["provider"], lips["usable"], lips["obstacle"]["code"]) == (
        "lipsync",
        "Replicate",
        False,
        "not_supported_yet",
    )
    assert (lips["price"]["per_output_second_micros"], lips["unconfirmed"]) == (83_250, ["stage", "prices"])
    refused = submit(http, {"prompt": "A fox", "models": {"video": lips["id"]}})
    assert (refused.status_code, refused.get_json()["code"]) == (422, "not_supported_yet")
    assert "sync/lipsync-2-pro moves lips" in refused.get_json()["message"]


def test_price_by_the_second_goes_by_sound_and_resolution(http: FlaskClient) -> None:
    price = listed(http)[VEO]["price"]

    assert price["per_second_micros"] == {
        "with_audio": {"720p": 400_000, "1080p": 400_000, "4k": 600_000},
        "silent": {"720p": 200_000, "1080p": 200_000, "4k": 400_000},
    }
    assert (price["since"], price["per_million_tokens_micros"]) == ("2025-11-17", None)


def test_price_of_a_second_follows_from_tokens_when_a_clip_is_paid_by_them(http: FlaskClient) -> None:
    price = listed(http)[OMNI]["price"]

    tokens = {"input": 1_500_000, "text_output": 9_000_000, "video_output": 12_000_000}
    assert price["per_million_tokens_micros"] == tokens
    assert price["per_second_micros"] == {
        "with_audio": {"360p": 23_172, "720p": 69_504, "1080p": 104_256, "4k": 208_512},
        "silent": None,  # it always films sound
    }


def test_price_of_text_and_images_is_that_of_the_day(http: FlaskClient, world: FakeServices) -> None:
    assert listed(http)[WRITER]["price"]["per_million_tokens_micros"] == {"input": 750_000, "output": 3_750_000}
    assert listed(http)[PAINTER]["price"]["per_image_micros"]["1K"] == 67_200

    pass_until(world, datetime(2027, 1, 1, tzinfo=UTC))

    price = listed(http)[WRITER]["price"]
    assert price == {"since": "2027-01-01", "per_million_tokens_micros": {"input": 1_500_000, "output": 7_500_000}}


def test_obstacle_is_the_refusal_of_a_request_when_a_backend_is_off(http: FlaskClient, world: FakeServices) -> None:
    world.protocols = frozenset({"veo", "interactions"})  # type: ignore[misc]
    refusal = submit(http, {"prompt": "A fox waits", "models": {"video": KLING}}).get_json()
    model = listed(http)[KLING]

    assert (model["usable"], refusal["code"]) == (False, "backend_off")
    assert model["obstacle"] == {name: refusal[name] for name in ("code", "message", "remedy")}
    assert (listed(http)[VEO]["usable"], listed(http)[VEO]["obstacle"]) == (True, None)


@pytest.mark.parametrize("model_id", [WRITER, PAINTER, VEO])
def test_obstacle_is_the_refusal_of_a_request_when_a_model_is_retired(
    http: FlaskClient, change_model: Callable[..., Path], model_id: str
) -> None:
    change_model(model_id, stage="retired")
    kind = listed(http)[model_id]["kind"]
    refusal = submit(http, {"prompt": "A fox waits", "models": {kind: model_id}}).get_json()
    model = listed(http)[model_id]

    assert (model["usable"], model["has_ended"], refusal["code"]) == (False, True, "model_retired")
    assert model["obstacle"] == {name: refusal[name] for name in ("code", "message", "remedy")}


def test_retired_model_without_a_successor_names_none_in_its_remedy(
    http: FlaskClient, change_model: Callable[..., Path]
) -> None:
    change_model(KLING, stage="retired")

    assert listed(http)[KLING]["obstacle"]["remedy"] == "Leave the field out."


@pytest.mark.parametrize(
    ("day", "soon", "ended"),
    [
        (datetime(2027, 3, 4, tzinfo=UTC), False, False),
        (datetime(2027, 3, 5, tzinfo=UTC), True, False),
        (datetime(2027, 5, 4, tzinfo=UTC), True, True),
    ],
)
def test_model_is_marked_sixty_days_before_its_end_and_stays_usable(
    http: FlaskClient, world: FakeServices, day: datetime, *, soon: bool, ended: bool
) -> None:
    pass_until(world, day)
    veo = listed(http)[VEO]

    assert (veo["ends_soon"], veo["has_ended"], veo["usable"]) == (soon, ended, True)


def test_list_needs_a_signed_in_caller_and_no_service_but_the_clock(world: FakeServices) -> None:
    http = routes.app(lambda: world.limited_to(["identity"])).test_client()

    assert http.get("/v1/models").status_code == 403
    assert http.get("/v1/models", headers=bearer()).get_json()["at"] == START.isoformat().replace("+00:00", "Z")


def test_command_draws_every_model_of_the_answer(http: FlaskClient) -> None:
    answer = http.get("/v1/models", headers=bearer()).get_json()
    console = Console(file=io.StringIO(), record=True, width=120)
    console.print(models_view(answer))

    printed = console.export_text()
    assert [line for line in printed.splitlines() if line.startswith(OMNI)] == [
        f"{OMNI}       video ga                 360p  3-10  always   0.023172"
    ]
    assert all(model["id"] in printed for model in answer["models"])
