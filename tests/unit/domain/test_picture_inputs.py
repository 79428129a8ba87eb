"""One list says what a keyframe is drawn from: prompt, price and request follow from it."""

from dataclasses import replace

import pytest

from promptreel.domain.document import Problem
from promptreel.domain.job import Continuity, Plan
from promptreel.domain.models import registry
from promptreel.domain.picture_inputs import (
    PictureSources,
    left_out_warnings,
    list_inputs,
    list_sheet_inputs,
)
from promptreel.domain.reference import Reference, ReferenceKind
from promptreel.domain.scene import Keyframe, KeyframeName
from promptreel.domain.sheet import Sheet, SheetImage, SheetKind
from tests.factories import a_scene
from tests.fakes.system import START
from tests.unit.domain.test_prompts import a_plan

PAINTER = registry().image_model("gemini-3.1-flash-image")
SCENE = a_scene(
    description="Mira walks on the pier with her lamp",
    start=Keyframe(uri="gs://b/first.png", digest="d", checksum="c-first"),
)


def plan_in(mode: str) -> Plan:
    return a_plan().evolve(continuity=Continuity(mode=mode))


def a_sheet(number: int, kind: SheetKind, name: str, *, drawn: bool = True) -> Sheet:
    image = SheetImage(uri=f"gs://b/{name}.png", digest="d", checksum=f"c-{name}") if drawn else None
    return Sheet(
        id=f"sheet-{number:02d}",
        number=number,
        kind=kind,
        name=name,
        description="as she is",
        views=("front", "side"),
        image=image,
        created=START,
        updated=START,
    )


def a_reference(kind: ReferenceKind, name: str) -> Reference:
    uri = f"gs://b/own-{name}.png"
    return Reference(
        kind=kind, name=name, uri=uri, checksum=f"c-own-{name}", width_px=512, height_px=512, source="upload"
    )


CAST = (a_sheet(1, "place", "pier"), a_sheet(2, "prop", "lamp"), a_sheet(3, "character", "Mira"))


def sent(sources: PictureSources, frame: KeyframeName = "end") -> list[str | None]:
    return [one.name for one in list_inputs(sources, SCENE, frame, PAINTER).sent]


def test_chain_sees_the_keyframe_before_and_nothing_else() -> None:
    inputs = list_inputs(PictureSources(plan_in("chain"), CAST), SCENE, "end", PAINTER)

    assert [(one.uri, one.checksum) for one in inputs.sent] == [("gs://b/first.png", "c-first")]
    assert sent(PictureSources(plan_in("chain"), CAST), "start") == []


@pytest.mark.parametrize("frame", ["start", "end"])
def test_sheet_mode_sees_the_sheets_of_what_is_shown_and_no_other_keyframe(frame: KeyframeName) -> None:
    elsewhere = a_sheet(4, "character", "Otto")

    assert sent(PictureSources(plan_in("sheet"), (*CAST, elsewhere)), frame) == ["Mira", "lamp", "pier"]


def test_sheets_are_counted_before_they_are_drawn() -> None:
    planned = tuple(sheet.evolve(image=None) for sheet in CAST)

    assert sent(PictureSources(plan_in("sheet"), planned)) == ["Mira", "lamp", "pier"]


def test_a_sheet_that_was_given_up_is_not_seen() -> None:
    given_up = CAST[2].evolve(problem=Problem(code="sheet_refused", message="no"))

    assert sent(PictureSources(plan_in("sheet"), (*CAST[:2], given_up))) == ["lamp", "pier"]


@pytest.mark.parametrize(
    ("mode", "names"),
    [("chain", [None, "mira", "lamp", "Otto's oils"]), ("sheet", ["Mira", "pier", "lamp", "Otto's oils"])],
)
def test_references_of_what_is_shown_and_of_the_style_are_sent_unless_a_sheet_stands_for_them(
    mode: str, names: list[str | None]
) -> None:
    references = (
        a_reference("style", "Otto's oils"),
        a_reference("product", "lamp"),
        a_reference("character", "mira"),
        a_reference("place", "desert"),
    )
    sources = PictureSources(plan_in(mode), (CAST[0], CAST[2]), references)

    assert sent(sources) == names


def test_a_sheet_is_drawn_from_the_references_of_its_name_and_of_the_style() -> None:
    references = (a_reference("style", "oils"), a_reference("character", "mira"), a_reference("place", "Mira"))

    assert [one.name for one in list_sheet_inputs(references, CAST[2], PAINTER).sent] == ["mira", "oils"]


def test_what_exceeds_the_models_limit_is_named_and_least_important() -> None:
    two = PAINTER.model_copy(update={"max_references": 2})
    inputs = list_inputs(PictureSources(plan_in("sheet"), CAST), SCENE, "end", two)

    assert [one.name for one in inputs.sent] == ["Mira", "lamp"]
    assert left_out_warnings(inputs, "scene-01", two) == [
        "scene-01: drawn without the pictures of pier: gemini-3.1-flash-image takes 2."
    ]


def test_inputs_of_a_redrawn_keyframe_before_are_those_of_its_successor() -> None:
    awaited = SCENE.evolve(redraw=("start",))
    (before,) = list_inputs(PictureSources(plan_in("chain")), awaited, "end", PAINTER).sent

    assert before.uri is None
    assert replace(before, uri="gs://b/new.png", checksum="c-new").identity == "c-new"
