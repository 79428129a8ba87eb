"""Values of a request: what YAML makes of them, the shortest prompt, misspelt fields."""

import re
from decimal import Decimal

import pytest

from promptreel.errors import Invalid
from promptreel.usecases.open_job import OpenJob
from tests.fakes.services import FakeServices

PROMPT = {"prompt": "A lighthouse keeper waits"}


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("aspect: 9:16", "aspect", "9:16"),
        ("aspect: 16:9", "aspect", "16:9"),
        ("title: 1:30", "title", "1:30"),
        ("title: 2026-01-01", "title", "2026-01-01"),
        ("title: 2026-01-01 10:00:00", "title", "2026-01-01 10:00:00"),
        ("title: no", "title", "no"),
        ("title: on", "title", "on"),
        ("title: 007", "title", "007"),
        ("title: 1984", "title", "1984"),
        ("title: 0x1F", "title", "0x1F"),
        ("title: 1_000", "title", "1_000"),
        ("title: .5", "title", ".5"),
        ("title: =", "title", "="),
        ("title: 'null'", "title", "null"),
        ("title: ~", "title", None),
        ("title:", "title", None),
        ("clip_audio: off", "clip_audio", False),
        ("clip_audio: no", "clip_audio", False),
        ("clip_audio: yes", "clip_audio", True),
        ("clip_audio: true", "clip_audio", True),
        ("seed: 0123", "seed", 123),
        ("scenes: 03", "scenes", 3),
        ("duration_s: 16.0", "duration_s", 16.0),
        ("budget_usd: 10.50", "budget_usd", Decimal("10.50")),
        ("on_scene_failure: fail", "on_scene_failure", "fail"),
        ("grade: off", "grade", "off"),
        ("grade: match", "grade", "match"),
        ("transition: {kind: fade_black, duration_s: 0.5}", "transition", {"kind": "fade_black", "duration_s": 0.5}),
        ("<<: {scenes: 2}", "scenes", 2),
    ],
)
def test_plain_value_in_yaml_is_what_its_field_takes(world: FakeServices, line: str, field: str, value: object) -> None:
    event = {"data": world.inbox.lay_in("idea.yaml", f"prompt: A fox\n{line}\n".encode())}

    job = world.jobs.get_job(world.open_job(OpenJob("e-1", event)).job_id).value

    assert job.request.model_dump()[field] == value


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("scenes: yes", "scenes: Input should be a valid integer"),
        ("continuity: grid", "continuity: Input should be 'chain', 'sheet' or 'auto'"),
        ("seed: 1:00", "seed: Input should be a valid integer"),
        ("duration_s: 1:30", "duration_s: Input should be a valid number"),
        ("budget_usd: on", "budget_usd: Input should be a valid decimal"),
        ("clip_audio: perhaps", "clip_audio: Input should be a valid boolean"),
        ("~: 1", "None: Keys should be strings"),
        ("[a]: 1", "cannot be read"),
    ],
)
def test_plain_value_in_yaml_that_its_field_does_not_take_is_refused(world: FakeServices, line: str, text: str) -> None:
    with pytest.raises(Invalid, match=re.escape(text)):
        world.open_job(OpenJob("e-1", {"data": world.inbox.lay_in("i.yaml", f"prompt: A fox\n{line}\n".encode())}))


@pytest.mark.parametrize(
    "prompt", ["猫猫", "ねこ", "แมว", "ปู", "고양", "ox!", "¡Sí!", "A fox\n\tin the snow\r\n", "👩\u200d🚀 x"]
)
def test_short_prompt_is_accepted_when_it_says_something(world: FakeServices, prompt: str) -> None:
    assert world.open_job(OpenJob("e-1", {"prompt": prompt})).state == "open"


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("", "is empty, or holds nothing that can be seen"),
        (" \n ", "is empty, or holds nothing that can be seen"),
        ("\u200b\u200b\u2060\ufeff", "is empty, or holds nothing that can be seen"),
        ("\u3164\u3164\u3164", "is empty, or holds nothing that can be seen"),
        ("a\u200b\u200b\u200b", "must have at least 3 characters (2 in scripts such as Chinese or Thai)"),
        ("ox", "must have at least 3 characters"),
        ("猫", "must have at least 3 characters"),
        ("!!! 123", "must contain words"),
        ("🦊🦊🦊", "must contain words"),
    ],
)
def test_prompt_that_says_nothing_is_refused(world: FakeServices, prompt: str, text: str) -> None:
    with pytest.raises(Invalid, match=re.escape(f"prompt: {text}")):
        world.open_job(OpenJob("e-1", {"prompt": prompt}))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("sceens", "scenes"), ("Scenes", "scenes"), ("duration", "duration_s"), ("durationS", "duration_s"),
        ("budget", "budget_usd"), ("budgetUsd", "budget_usd"), ("aspect_ratio", "aspect"), ("model", "models"),
        ("qualty", "quality"), ("transitions", "transition"), ("transition.type", None),
        ("transition.duration", "duration_s"),
        ("models.vidoe", "video"), ("colour", None), ("x" * 500, None),
    ],
)  # fmt: skip
def test_misspelt_field_is_refused_with_the_field_that_it_resembles(
    world: FakeServices, wrong: str, right: str | None
) -> None:
    outer, _, inner = wrong.partition(".")
    with pytest.raises(Invalid) as refused:
        world.open_job(OpenJob("e-1", {**PROMPT, outer: {inner: 1} if inner else 1}))

    hint = f"; did you mean `{right}`?" if right else ""
    assert refused.value.message == f"{wrong[:100]}: there is no such field{hint}"


@pytest.mark.parametrize("field", ["scenes", "duration_s", "budget_usd", "seed"])
def test_switch_is_refused_where_a_number_is_needed(world: FakeServices, field: str) -> None:
    with pytest.raises(Invalid, match=f"{field}: must be a number, not true"):
        world.open_job(OpenJob("e-1", {**PROMPT, field: True}))
