"""Every way in accepts and refuses the same requests in the same words."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from promptreel.domain import planning
from promptreel.domain.job import Job
from promptreel.domain.request import FilmRequest, parse_request
from promptreel.domain.states import JobState
from promptreel.domain.timeline import to_frames
from promptreel.errors import Rejected
from promptreel.http import routes
from promptreel.usecases.open_job import OpenJob
from tests.fakes.artifacts import BRAND_PICTURE
from tests.fakes.services import PROTOCOLS, FakeServices
from tests.fakes.system import START
from tests.unit.http.api_requests import bearer

Refusal = tuple[str, str, str]
WayIn = Callable[[FakeServices, Any], Job | Refusal]
MIRA = "mira@example.com"
REFERENCES = [{"kind": "character", "name": "Mira", "uri": BRAND_PICTURE}]
LITE = {"video": "veo-3.1-lite-generate-001"}


def by_https(world: FakeServices, payload: Any) -> Job | Refusal:
    http = routes.app(lambda: world).test_client()
    answer = http.post("/v1/jobs", data=json.dumps(payload), content_type="application/json", headers=bearer(MIRA))
    answered = answer.get_json()
    if answer.status_code != 202:
        return answered["code"], answered["message"], answered["remedy"]
    return world.jobs.get_job(answered["id"]).value


def by_workflow(world: FakeServices, payload: Any) -> Job | Refusal:
    try:
        opened = world.open_job(OpenJob("e-1", payload))
    except Rejected as error:
        return error.code, error.message, error.remedy
    return world.jobs.get_job(opened.job_id).value


def by_upload(
    world: FakeServices, payload: Any, name: str = "idea.json", dump: Callable[[Any], str] = json.dumps
) -> Any:
    event = {"data": world.inbox.lay_in(name, dump(payload).encode())}
    outcome = by_workflow(world, event)
    report = world.inbox.reports[name]
    if not isinstance(outcome, Job):
        assert outcome == (report["code"], report["message"], report["remedy"])
    return outcome


def by_yaml_upload(world: FakeServices, payload: Any) -> Job | Refusal:
    outcome: Job | Refusal = by_upload(world, payload, "idea.yaml", yaml.safe_dump)
    return outcome


WAYS_IN: tuple[WayIn, ...] = (by_https, by_workflow, by_upload, by_yaml_upload)

# Legal values of every field, with the extremes at which they may contradict another field.
VALUES: Mapping[str, tuple[Any, ...]] = {
    "title": ("The fox",),
    "duration_s": (4, 13, 30, 480),
    "scenes": (1, 3, 60),
    "references": (REFERENCES,),
    "frames": ([{"scene": 1, "frame": "start", "uri": BRAND_PICTURE}],),
    "aspect": ("16:9", "9:16"),
    "style": ("symmetrical-pastel", "Wes Anderson", {"visual_style": "ink", "palette": ["black"]}),
    "template": ("trailer", "recipe"),
    "resolution": ("720p", "1080p", "4k"),
    "models.text": ("gemini-3.8-flash",),
    "models.image": ("gemini-3-pro-image",),
    "models.video": ("veo-3.1-generate-001", "veo-3.1-lite-generate-001"),
    "quality": ("draft", "standard", "best"),
    "budget_usd": (0.01, 5, 10_000),
    "transition.kind": ("cut", "crossfade", "fade_black"),
    "transition.duration_s": (0.1, 2),
    "clip_audio": (True, False),
    "seed": (0, 4_294_967_295),
    "priority": ("standard", "high"),
    "cache": (True, False),
    "checks": (True, False),
    "continuity": ("chain", "sheet", "auto"),
    "approval": ("none", "storyboard", "animatic"),
    "stop_after": ("storyboard", "keyframes", "clips"),
    "on_scene_failure": ("still", "omit", "fail"),
    "grade": ("off", "match"),
}


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_table_of_values_names_every_field_of_a_request() -> None:
    assert {"prompt", *VALUES} == set(leaves(FilmRequest))


def payload_of(chosen: Mapping[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {"prompt": "A fox runs home"}
    for field, value in chosen.items():
        outer, _, inner = field.partition(".")
        payload[outer] = {**payload.get(outer, {}), inner: value} if inner else value
    return payload


def outcome_of(way_in: WayIn, payload: Any) -> Job | Refusal:
    world = FakeServices()
    outcome = way_in(world, payload)
    made = list(world.jobs.list_jobs_in_states(set(JobState)))
    assert len(made) == isinstance(outcome, Job)
    return outcome


def is_planned_as_given(job: Job, chosen: Mapping[str, Any]) -> bool:
    """Whether the plan keeps every chosen value, a length to the frame."""
    request, plan = job.request, planning.specify_film(job.request, job.created, PROTOCOLS)
    shared = plan.transition_frames if request.transition.kind == "crossfade" else 0
    frames = sum(plan.scene_frames) - shared * (len(plan.scene_frames) - 1)
    storyboard, rest = planning.price_micros(request, plan, plan.scene_range[0], job.created)
    kept: dict[str, Callable[[Any], bool]] = {
        "duration_s": lambda value: frames == to_frames(value, plan.video.fps),
        "scenes": lambda value: plan.scene_range == (value, value) and len(plan.durations_s) == value,
        "aspect": lambda value: plan.aspect == value,
        "resolution": lambda value: all(plan.video.clip_seconds(duration_s, value) for duration_s in plan.durations_s),
        "models.text": lambda value: plan.text.id == value,
        "models.image": lambda value: plan.image.id == value,
        "models.video": lambda value: plan.video.id == value,
        "budget_usd": lambda value: rest < value * 1_000_000 and storyboard < value * 1_000_000,
        "transition.kind": lambda value: value == "cut" or (plan.transition_frames > 0 and plan.scene_range[1] > 1),
        "transition.duration_s": lambda value: plan.transition_frames == round(value * plan.video.fps),
    }
    return all(kept[field](value) for field, value in chosen.items() if field in kept)


@pytest.mark.parametrize(("one", "other"), list(combinations(VALUES, 2)))
def test_pair_of_fields_is_planned_as_given_or_refused_alike_by_every_way_in(one: str, other: str) -> None:
    for first in VALUES[one]:
        for second in VALUES[other]:
            chosen = {one: first, other: second}
            https, *others = (outcome_of(way_in, payload_of(chosen)) for way_in in WAYS_IN)
            if isinstance(https, Job):
                assert all(isinstance(outcome, Job) and outcome.request == https.request for outcome in others), chosen
                assert is_planned_as_given(https, chosen), chosen
            else:
                assert [https] * len(others) == others, chosen
                _, message, remedy = https
                assert message.split(":")[0] in set(leaves(FilmRequest)), message
                assert "`" in remedy, remedy


@pytest.mark.parametrize(
    ("fields", "message", "nearest"),
    [
        ({"resolution": "1080p", "duration_s": 4}, "lasts 4 s", {"duration_s": 7}),
        ({"resolution": "4k", "duration_s": 26}, "lasts 26 s", {"duration_s": 28}),
        ({"resolution": "4k", "models": LITE}, "films 720p, 1080p, not 4k", {"resolution": "1080p"}),
        ({"scenes": 60, "duration_s": 30}, "60 scenes of 4-8 s make a film of 180-480 s", {"scenes": 8}),
        ({"scenes": 1, "transition": {"kind": "crossfade"}}, "one scene", {"scenes": 2}),
        (
            {"transition": {"duration_s": 1}},
            "a cut takes no time",
            {"transition": {"kind": "fade_black", "duration_s": 1}},
        ),
    ],
)
def test_refused_pair_names_a_value_with_which_every_way_in_accepts_it(
    fields: dict[str, Any], message: str, nearest: dict[str, Any]
) -> None:
    for way_in in WAYS_IN:
        refused = outcome_of(way_in, {"prompt": "A fox", **fields})
        assert not isinstance(refused, Job)
        assert message in refused[1]
        for field, value in nearest.items():
            assert f"`{field}" in refused[2]
            assert str(value) in refused[2] or isinstance(value, dict)
        assert isinstance(outcome_of(way_in, {"prompt": "A fox", "budget_usd": 10_000, **fields, **nearest}), Job)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget_usd": "0.01"}, r"3 scenes, 18 s of clips, needs up to [\d.]+ USD; the limit is 0\.01 USD\."),
        ({"scenes": 3, "budget_usd": 5}, r"3 scenes, 18 s of clips, needs up to [\d.]+ USD; the limit is 5\.00 USD\."),
        (
            {"duration_s": 90},
            r"12 scenes, 90 s of clips, needs up to 3\d\.\d+ USD; the limit is 25\.00 USD by default\.",
        ),
        ({"scenes": 1, "budget_usd": 1}, r"1 scene, 6 s of clips, needs up to [\d.]+ USD; the limit is 1\.00 USD\."),
    ],
)
def test_limit_that_cannot_hold_the_film_is_refused_with_the_amount_that_every_way_in_accepts(
    fields: dict[str, Any], message: str
) -> None:
    payload = {"prompt": "A fox", **fields}
    for way_in in WAYS_IN:
        refused = outcome_of(way_in, payload)
        assert not isinstance(refused, Job)
        assert refused[0] == "budget_exceeded"
        assert re.fullmatch(rf"budget_usd: a film of {message} Nothing was paid\.", refused[1])
        assert isinstance(outcome_of(way_in, {**payload, "budget_usd": amount_in(refused)}), Job)


def amount_in(refused: Refusal) -> str:
    return refused[2].split("at least ")[1].split(",")[0]


def test_amount_that_a_refusal_names_pays_for_the_whole_film() -> None:
    refused = outcome_of(by_workflow, {"prompt": "A lighthouse keeper waits", "scenes": 3, "budget_usd": "0.01"})
    assert not isinstance(refused, Job)
    world = FakeServices()

    job = world.drawn(scenes=3, budget_usd=amount_in(refused))

    assert set(world.submit_queued()) == {"filming"}
    assert job.state is JobState.VIDEO_GEN


def test_price_at_submission_is_what_the_plan_reserves() -> None:
    world = FakeServices()
    job = world.planned(scenes=3, resolution="1080p", quality="best", clip_audio=False, budget_usd=100)

    decided = planning.specify_film(job.request, START, PROTOCOLS)
    storyboard, rest = planning.price_micros(job.request, decided, 3, START)

    calls = [read.value for read in world.jobs.list_calls(job.id)]
    assert rest == sum(call.reserved_micros for call in calls if call.kind != "text")
    texts = sum(call.reserved_micros for call in calls if call.kind == "text")
    assert texts <= storyboard <= texts + 10_000  # how much the treatment adds to the prompt is not known before


def test_writer_chooses_only_among_numbers_of_scenes_that_the_limit_holds() -> None:
    def scene_range(limit_micros: int) -> tuple[int, int]:
        limit = {"budget_usd": f"{limit_micros / 1_000_000:.6f}"}
        return planning.specify_film(parse_request({"prompt": "A fox", **limit}), START, PROTOCOLS).scene_range

    request = parse_request({"prompt": "A fox"})
    free = planning.specify_film(request, START, PROTOCOLS)
    four = sum(planning.price_micros(request, free, 4, START))

    ranges = [scene_range(limit) for limit in (25_000_000, four, four - 1, 1)]
    assert ranges == [(3, 6), (3, 4), (3, 3), (3, 3)]


TEXT_FIELDS = ("prompt", "title", "aspect", "quality", "models.text", "models.video", "transition.kind", "owner", "x")
SURROGATES = "\ud800", "a\udfff"
CONTROLS = "\0", "a fox\x07", "\x1b[31m red", "one\x0btwo", "\x85"


@pytest.mark.parametrize("bad", [*SURROGATES, *CONTROLS], ids=ascii)
@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_character_that_cannot_be_stored_or_shown_is_refused_with_its_field_and_place(field: str, bad: str) -> None:
    payload = payload_of({field: f"A fox {bad}"})
    for way_in in (by_https, by_workflow, by_upload):
        refused = outcome_of(way_in, payload)

        assert not isinstance(refused, Job)
        place = next(index for index, one in enumerate(f"A fox {bad}", 1) if one in bad and not one.isprintable())
        assert refused[1].startswith(f"{field}: character {place} is U+"), refused
        assert refused[2] == "Remove this character."


@pytest.mark.parametrize("way_in", [by_https, by_workflow, by_upload])
def test_name_of_a_field_with_such_a_character_is_refused_too(way_in: WayIn) -> None:
    for bad in (*SURROGATES, *CONTROLS):
        refused = outcome_of(way_in, {"prompt": "A fox", f"titl{bad}": "x"})
        assert not isinstance(refused, Job)
        assert refused[1].startswith("request: a field's name: character "), refused


def test_owner_in_a_files_metadata_is_checked_as_the_one_inside_it(world: FakeServices) -> None:
    for owner in ("\ud800@example.com", "mira\0", "m" * 255):
        event = {"data": world.inbox.lay_in("idea.txt", b"A fox", {"owner": owner})}
        with pytest.raises(Rejected, match="owner: "):
            world.open_job(OpenJob("e-1", event))
        assert str(world.inbox.reports["idea.txt"]["message"]).startswith("owner: ")


def test_event_with_half_of_a_surrogate_pair_is_refused_and_not_a_bug(world: FakeServices) -> None:
    for field in ("bucket", "name", "generation"):
        data = {"bucket": "prompts", "name": "idea.txt", "generation": "1", field: "\ud800"}
        with pytest.raises(Rejected, match=f"{field}: character 1 is U\\+D800"):
            world.open_job(OpenJob("e-1", {"data": data}))
