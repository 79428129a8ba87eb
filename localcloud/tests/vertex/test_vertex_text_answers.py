"""Text through the real client: any schema is filled, and the filling follows the prompt."""

import json
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel, Field

from localcloud.tests import loopback
from localcloud.tests.vertex.harness import TEXT_MODEL, FakeVertex, a_picture

STORY = (
    "<story>An old keeper wakes before dawn. A storm rolls in from the sea. "
    "A small boat is lost among the waves. At sunrise the boat reaches the harbour.</story>"
)


class Mood(Enum):
    CALM = "calm"
    STORM = "storm"


class Act(BaseModel):
    heading: str = Field(max_length=20)
    telling: str
    seconds: int = Field(ge=4, le=8)
    weight: float = Field(ge=0.5, le=1.0)
    mood: Mood
    props: list[str] = Field(min_length=1, max_length=2)
    remark: str | None = None


class Play(BaseModel):
    acts: list[Act] = Field(max_length=9)


def asked(client: genai.Client, prompt: str, **config: object) -> types.GenerateContentResponse:
    settings = types.GenerateContentConfig.model_validate(
        {"response_mime_type": "application/json", "automatic_continuation": False, **config}
    )
    return client.models.generate_content(model=TEXT_MODEL, contents=prompt, config=settings)


@pytest.mark.parametrize(
    "wish", ["Write 3 acts.", "Write three short acts.", "acts: 3", "A 3-act play.", '{"acts": 3}', "act count: 3"]
)
def test_array_has_that_length_when_an_array_has_its_name(client: genai.Client, wish: str) -> None:
    answer = asked(client, f"{wish} {STORY}", response_schema=Play)

    assert isinstance(answer.parsed, Play)
    assert len(answer.parsed.acts) == 3


def test_two_numbers_are_not_confused_when_acts_are_counted_too(client: genai.Client) -> None:
    answer = asked(client, f"A play of 24 seconds: 4 acts of 6 seconds per act. {STORY}", response_schema=Play)

    assert isinstance(answer.parsed, Play)
    assert [act.seconds for act in answer.parsed.acts] == [6, 6, 6, 6]


def test_number_out_of_bounds_is_clamped_when_the_prompt_asks_for_it(client: genai.Client) -> None:
    answer = asked(client, f"2 acts of 30 seconds. {STORY}", response_schema=Play)

    assert isinstance(answer.parsed, Play)
    assert {act.seconds for act in answer.parsed.acts} == {8}


def test_each_tells_its_own_sentence_when_acts_are_told(client: genai.Client) -> None:
    answer = asked(client, f"Write 4 acts. {STORY}", response_schema=Play)

    assert isinstance(answer.parsed, Play)
    told = [act.telling for act in answer.parsed.acts]
    assert ["keeper" in told[0], "storm" in told[1], "lost" in told[2], "harbour" in told[3]] == [True] * 4


def test_no_two_are_equal_when_more_acts_are_asked_than_it_has_sentences(client: genai.Client) -> None:
    answer = asked(client, "Write 9 acts. <story>A cat sleeps.</story>", response_schema=Play)

    assert isinstance(answer.parsed, Play)
    assert len({act.telling for act in answer.parsed.acts}) == 9


def test_uncounted_array_has_four_entries_when_the_story_has_four_sentences(client: genai.Client) -> None:
    answer = asked(client, STORY, response_schema=Play)

    assert isinstance(answer.parsed, Play)
    assert len(answer.parsed.acts) == 4


def test_correction_in_a_later_turn_wins_and_the_story_stays_when_it_counts_anew(client: genai.Client) -> None:
    turns = [
        types.UserContent(f"Write 2 acts. {STORY}"),
        types.ModelContent('{"acts": []}'),
        types.UserContent("That was refused: acts: 3 acts are needed, not 0."),
    ]
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Play)
    answer = client.models.generate_content(model=TEXT_MODEL, contents=turns, config=config)

    assert isinstance(answer.parsed, Play)
    assert len(answer.parsed.acts) == 3
    assert "keeper" in answer.parsed.acts[0].telling


@pytest.mark.parametrize("mark", ["Part {}: ", "{}. ", "- "])
def test_each_tells_its_part_and_not_the_preface_when_acts_are_told(client: genai.Client, mark: str) -> None:
    parts = ["A fox wakes. It yawns.", "It leaps over books, and lands.", "It meets a bird. They bow. They part."]
    marked = "\n".join(mark.format(n) + part for n, part in enumerate(parts, start=1))
    prompt = f"<story>A film in three acts. Quiet and warm.\n\n{marked}\n\nNo words.</story>"
    answer = asked(client, prompt, response_schema=Play)

    assert isinstance(answer.parsed, Play)
    told = [act.telling for act in answer.parsed.acts]
    assert ["fox" in told[0], "leaps" in told[1], "bird" in told[2], "Quiet" in "".join(told)] == [True] * 3 + [False]


def test_list_of_named_things_names_those_when_the_story_names_some(client: genai.Client) -> None:
    class Person(BaseModel):
        name: str
        looks: str

    class Cast(BaseModel):
        persons: list[Person]

    story = "<story>Rain falls on the market where Mira sells soup. One evening Old Tom waits in Skerry.</story>"
    answer = asked(client, story, response_schema=Cast)

    assert isinstance(answer.parsed, Cast)
    assert [person.name for person in answer.parsed.persons] == ["Mira", "Old Tom"]
    assert "soup" in answer.parsed.persons[0].looks


def test_option_is_chosen_when_this_part_of_the_story_mentions_it(client: genai.Client) -> None:
    answer = asked(client, f"4 acts. {STORY}", response_schema=Play)

    assert isinstance(answer.parsed, Play)
    assert answer.parsed.acts[1].mood is Mood.STORM


def test_json_schema_is_filled_alike_when_it_has_references_and_alternatives(client: genai.Client) -> None:
    answer = asked(client, f"Write 3 acts. {STORY}", response_json_schema=Play.model_json_schema())

    play = Play.model_validate_json(answer.text or "")
    assert len(play.acts) == 3


class Leaf(BaseModel):
    day: Annotated[str, Field(json_schema_extra={"format": "date"})]
    code: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    long_text: str = Field(min_length=400)
    share: float = Field(gt=0, lt=1)
    step: int = Field(multiple_of=5, ge=3, le=27)
    kind: Literal["fixed"]


class Tree(BaseModel):
    leaves: Annotated[list[Leaf], Field(min_length=2, max_length=2)]
    children: list["Tree"] = Field(default=[], max_length=1)
    pair: tuple[int, str]
    tags: dict[str, int]


def test_answer_fits_it_when_schema_is_recursive_and_uses_every_bound(client: genai.Client) -> None:
    answer = asked(client, STORY, response_json_schema=Tree.model_json_schema())

    tree = Tree.model_validate_json(answer.text or "")
    assert all(len(leaf.long_text) >= 400 and leaf.step % 5 == 0 for leaf in tree.leaves)


def test_call_is_refused_and_free_when_clip_to_judge_is_not_in_the_bucket(
    vertex: FakeVertex, client: genai.Client
) -> None:
    gone = types.Part.from_uri(file_uri="gs://films/never-written.mp4", mime_type="video/mp4")
    parts: list[Any] = [gone, types.Part.from_text(text="Judge it.")]
    with pytest.raises(errors.ClientError, match=r"never-written\.mp4"):
        client.models.generate_content(model=TEXT_MODEL, contents=parts)

    assert vertex.ledger() == []


def test_array_has_the_counted_length_when_only_its_entries_bear_the_noun(client: genai.Client) -> None:
    class Programme(BaseModel):
        order: list[Act]

    answer = asked(client, f"Write 5 acts. {STORY}", response_schema=Programme)

    assert isinstance(answer.parsed, Programme)
    assert len(answer.parsed.order) == 5


def test_answer_may_differ_but_each_repeats_when_its_seed_changes(client: genai.Client) -> None:
    seeds = (7, 7, 8, 8)
    texts = [asked(client, f"9 acts. {STORY}", response_schema=Play, seed=seed).text for seed in seeds]

    assert texts[0] == texts[1] != texts[2] == texts[3]


def test_temperature_changes_nothing_when_the_model_ignores_it(client: genai.Client) -> None:
    cold, hot = (asked(client, STORY, response_schema=Play, seed=7, temperature=warmth).text for warmth in (0.0, 1.9))

    assert cold == hot


def test_a_paragraph_in_its_words_comes_back_when_prompt_without_schema_is_asked(client: genai.Client) -> None:
    answer = client.models.generate_content(model=TEXT_MODEL, contents=STORY)

    assert "storm" in (answer.text or "")


def test_answer_is_cut_and_says_so_when_it_would_be_longer_than_the_limit(client: genai.Client) -> None:
    answer = asked(client, f"9 acts. {STORY}", response_schema=Play, max_output_tokens=20)

    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert answer.parsed is None


def test_both_are_counted_when_text_and_picture_are_sent(client: genai.Client) -> None:
    parts: list[Any] = [
        types.Part.from_text(text="abcdefgh"),
        types.Part.from_bytes(data=a_picture(), mime_type="image/png"),
    ]
    usage = client.models.generate_content(model=TEXT_MODEL, contents=parts).usage_metadata
    counted = client.models.count_tokens(model=TEXT_MODEL, contents=parts).total_tokens

    assert usage is not None
    assert counted == usage.prompt_token_count == 2 + 1120
    assert usage.total_token_count == 1122 + (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)


def test_keys_mean_the_same_when_spelled_either_way_or_with_numbers_as_text(vertex: FakeVertex) -> None:
    def ask(*, camel: bool) -> object:
        def key(name: str) -> str:
            return name if camel else "".join(f"_{c.lower()}" if c.isupper() else c for c in name)

        listed = {"type": "ARRAY", key("minItems"): "2", key("maxItems"): "2", "items": {"type": "STRING"}}
        properties = {"b": {"type": "STRING"}, "a": listed}
        schema = {"type": "OBJECT", "properties": properties, key("propertyOrdering"): ["a", "b"]}
        body = {
            "contents": [{"role": "user", "parts": [{"text": STORY}]}],
            key("generationConfig"): {key("responseSchema"): schema},
        }
        url = f"{vertex.url}/v1/projects/p/locations/global/publishers/google/models/{TEXT_MODEL}:generateContent"
        answer = loopback.post(url, json=body, headers={"Authorization": "Bearer x"}).raise_for_status().json()
        return json.loads(answer["candidates"][0]["content"]["parts"][0]["text"])

    camel, snake = ask(camel=True), ask(camel=False)

    assert isinstance(camel, dict)
    assert camel == snake
    assert list(camel) == ["a", "b"]
    assert len(camel["a"]) == 2
