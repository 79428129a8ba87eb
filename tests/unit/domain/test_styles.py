"""Styles and templates: one list that contradicts nothing, and names that reach no model."""

import json

import pytest
from pydantic import ValidationError

from promptreel.domain.request import parse_request
from promptreel.domain.styles import OwnStyle, Style, StyleList, direct, find_names, replace_names, style_list
from promptreel.errors import Invalid

STYLES = style_list().styles
TEMPLATES = style_list().templates
NAMES = [(style.id, name) for style in STYLES for name in (*style.people, *style.films)]


def test_list_has_the_styles_and_templates_that_are_promised() -> None:
    assert len(STYLES) >= 16
    assert {template.id for template in TEMPLATES} == {
        *("trailer", "product-ad", "explainer", "music-video"),
        *("childrens-story", "documentary", "recipe", "property-tour"),
    }


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.id)
def test_style_is_described_by_its_craft_alone(style: Style) -> None:
    described = "\n".join([style.id, style.title, style.sentence, style.phrase, *style.lines()])

    assert list(find_names(described)) == []


@pytest.mark.parametrize(("style_id", "name"), NAMES)
def test_every_name_is_found_and_replaced_however_it_is_typed(style_id: str, name: str) -> None:
    for typed in (name, name.upper(), name.replace(" ", "-"), name.replace(" ", "\n"), name.replace(" ", " \u200b")):
        for text in (f"A fox in the style of {typed}", f"A boy meets {typed} at sea", f"({typed}) a fox", f"#{typed}"):
            found = list(find_names(text))

            assert [mention.style.id for mention in found] == [style_id], text
            assert list(find_names(replace_names(text))) == []
            assert typed not in replace_names(text)


@pytest.mark.parametrize(
    "text",
    [
        "Nick parks the car and James wants a dog",
        "A lynx in the mood for love under a pastel sky",
        "The film noir of the western horizon, a musical product",
        "Anderson, Scott and Nolan play chess in Villeneuve",
        "",
    ],
)
def test_text_without_a_known_name_stays_as_it_is(text: str) -> None:
    assert replace_names(text) == text
    assert direct(None, None, text or "a").style is None


@pytest.mark.parametrize(
    ("prompt", "style"),
    [
        ("A fox hunts, in the style of Wes Anderson", "symmetrical-pastel"),
        ("A Wes-Anderson-style film about foxes", "symmetrical-pastel"),
        ("fox in the snow, wes anderson, 4k", "symmetrical-pastel"),
        ("A hitchcockian staircase", "classic-suspense"),
        ("Ein Fuchs im Stil von Wes Andersons Filmen", "symmetrical-pastel"),
        ("Лиса в стиле Уэса Андерсона", "symmetrical-pastel"),
        ("宮崎駿風のアニメ、森のきつね", "painted-wonder"),
        ("A Blade Runner inspired market", "neon-rain"),
        ("A boy who looks like Wes Anderson", None),
        ("A documentary about Hayao Miyazaki and his garden", None),
        ("In the style of Wes Anderson and in the style of David Lynch", None),
    ],
)
def test_style_follows_from_the_prompt_when_its_words_ask_for_exactly_one(prompt: str, style: str | None) -> None:
    direction = direct(None, None, prompt)

    assert (direction.style.id if isinstance(direction.style, Style) else None) == style
    assert direction.warnings
    for warning in direction.warnings:
        assert warning.startswith("prompt: “")
        assert "model" in warning


def test_warning_names_what_was_typed_and_the_style_it_was_read_as() -> None:
    assert direct(None, None, "A fox in the style of Wes Anderson").warnings == (
        "prompt: “Wes Anderson” was read as the style symmetrical-pastel; no model is given the name.",
    )
    assert direct("Wes Anderson", None, "A fox").warnings == (
        "style: “Wes Anderson” was read as the style symmetrical-pastel.",
    )
    assert direct("symmetrical-pastel", None, "A fox").warnings == ()


def test_own_style_and_the_requests_style_come_before_the_prompts_and_the_templates() -> None:
    own = OwnStyle(visual_style="ink on newsprint")

    assert direct(own, "childrens-story", "A fox in the style of Wes Anderson").style == own
    assert direct("noir", "childrens-story", "A fox").style == style_list().style("film-noir")
    assert direct(None, "childrens-story", "A fox").style == style_list().style("watercolour-storybook")
    assert direct(None, "trailer", "A fox").style is None


def test_prompt_with_thousands_of_names_stays_short() -> None:
    prompt = "ghibli " * 2_850

    assert len(replace_names(prompt)) < 3 * len(prompt)


@pytest.mark.parametrize(
    ("fields", "message", "remedy"),
    [
        (
            {"style": "symetrical pastle"},
            "there is no style 'symetrical pastle'; the nearest: symmetrical",
            "styles",
        ),
        ({"style": "wes andersen"}, "nearest: symmetrical-pastel", "/v1/styles"),
        ({"template": "trailr"}, "template: there is no template 'trailr'; the nearest: trailer", "/v1/templates"),
    ],
)
def test_unknown_style_or_template_is_refused_with_the_nearest_and_where_they_are_listed(
    fields: dict[str, str], message: str, remedy: str
) -> None:
    request = parse_request({"prompt": "A fox", **fields})
    with pytest.raises(Invalid) as refused:
        direct(request.style, request.template, request.prompt)

    assert message in refused.value.message
    assert remedy in refused.value.remedy


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ({}, "style: must have at least one of visual_style"),
        ({"visual_stile": "ink"}, "style.visual_stile: there is no such field; did you mean `visual_style`?"),
        ({"palette": []}, "style.palette: Tuple should have at least 1 item"),
        ({"camera": "x" * 601}, "style.camera: String should have at most 600 characters"),
        (7, "style: Input should be a valid string"),
        ("", "style: String should have at least 1 character"),
    ],
)
def test_own_style_is_refused_by_field_when_it_is_wrong(style: object, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_request({"prompt": "A fox", "style": style})

    assert message in refused.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data["styles"].append(data["styles"][0]), "same id"),
        (lambda data: data["styles"][1]["names"].append("wes anderson"), "names two styles"),
        (lambda data: data["templates"][0].update(style="pastell"), "does not exist"),
        (lambda data: data["styles"][0].update(palette=[]), "palette"),
        (lambda data: data["templates"][0].pop("beats"), "beats"),
        (lambda data: data["styles"][0].update(colour="x"), "colour"),
    ],
)
def test_list_is_refused_when_its_data_contradict_themselves(change: object, message: str) -> None:
    data = json.loads(style_list().model_dump_json(exclude_none=True))
    change(data)  # type: ignore[operator]

    with pytest.raises(ValidationError, match=message):
        StyleList.model_validate(data)
