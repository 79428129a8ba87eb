"""Rules that hold a storyboard against itself and its prompt, and what they make of one that stays wrong."""

from typing import Any

import pytest

from promptreel.domain.coherence import find_faults, repair, require_coherence
from promptreel.domain.storyboard import Storyboard
from promptreel.domain.treatment import Treatment
from tests.fakes.models import TREATMENT, a_storyboard

SCRIPT = 'Scene 1: Mira asks: "Where are you?"\nScene 2: The sea. "Here."'
TREATED = Treatment.model_validate(
    {
        **TREATMENT,
        "scenes": SCRIPT.splitlines(),
        "dialogue": [{"speaker": "Mira", "line": "Where are you?"}, {"speaker": "Sea", "line": "Here."}],
    }
)
ASKED, ANSWERED = ({"speaker": line.speaker, "line": line.line} for line in TREATED.dialogue)


def a_board(*shots: dict[str, Any]) -> Storyboard:
    """A storyboard with a shot for each, which differs from the usual one by these fields."""
    board: Any = a_storyboard(len(shots))
    for scene, fields in zip(board["scenes"], shots, strict=True):
        scene.update(fields)
    return Storyboard.model_validate(board)


KEPT = a_board(
    {"written_scene": 1, "dialogue": [ASKED]}, {"written_scene": 2}, {"written_scene": 2, "dialogue": [ANSWERED]}
)


def test_storyboard_that_keeps_scenes_and_lines_has_no_fault() -> None:
    assert find_faults(KEPT, SCRIPT, TREATED) == []


@pytest.mark.parametrize(
    ("shots", "fault"),
    [
        ([{"characters": ["Nobody"]}], "scenes.0.characters: 'Nobody' is none of the storyboard's characters"),
        ([{"settings": ["the moon"]}], "scenes.0.settings: 'the moon' is none"),
        ([{"motion_prompt": "SCENE 1  with Mira"}], "scenes.0.motion_prompt: it repeats another text"),
        ([{"characters": ["Mira"]}, {"settings": ["the lighthouse"]}], "scenes.0.transition_note: "),
        ([{"dialogue": [{"speaker": "Mira", "line": "Never said"}]}], "dialogue: the idea has no line 'Never said'"),
    ],
)
def test_fault_within_a_storyboard_is_named(shots: list[dict[str, Any]], fault: str) -> None:
    board = a_board(*shots)

    (found,) = find_faults(board, SCRIPT, None)
    assert found.startswith(fault)
    assert find_faults(repair(board, "gs://b/s", SCRIPT, None).storyboard, SCRIPT, None) in ([], [found])


@pytest.mark.parametrize(
    ("shots", "fault"),
    [
        ([{"written_scene": 1}, {"written_scene": 1}, {"written_scene": 1}], "in order, each at least once"),
        ([{"written_scene": 2}, {"written_scene": 1}, {"written_scene": 2}], "in order, each at least once"),
        ([{"written_scene": 1}, {}, {"written_scene": 2}], "which of the idea's 2 scenes is it?"),
        ([{}, {}, {}], "the line 'Here.' is missing"),
    ],
)
def test_scene_or_line_of_the_prompt_that_is_lost_is_named_and_mended(shots: list[dict[str, Any]], fault: str) -> None:
    board = a_board(*shots)

    assert any(fault in one for one in find_faults(board, SCRIPT, TREATED))
    with pytest.raises(ValueError, match="is missing"):
        require_coherence(board, SCRIPT, TREATED)
    mended = repair(board, "gs://b/s", SCRIPT, TREATED)
    assert find_faults(mended.storyboard, SCRIPT, TREATED) == []
    assert [scene.written_scene for scene in mended.storyboard.scenes] in ([1, 1, 2], [1, 2, 2])
    assert all("mended" in warning for warning in mended.warnings)


def test_missing_line_is_spoken_in_a_shot_of_its_scene() -> None:
    mended = repair(a_board({}, {}, {}, {}), "gs://b/s", SCRIPT, TREATED).storyboard

    assert [[line.line for line in scene.dialogue] for scene in mended.scenes] == [
        ["Where are you?"], [], ["Here."], []
    ]  # fmt: skip


def test_shots_are_numbered_by_rules_when_each_scene_has_one() -> None:
    board = a_board({"dialogue": [ASKED]}, {"dialogue": [ANSWERED]})

    assert [scene.written_scene for scene in require_coherence(board, SCRIPT, TREATED).scenes] == [1, 2]
    assert [
        scene.written_scene
        for scene in require_coherence(board, SCRIPT, TREATED.model_copy(update={"scenes": []})).scenes
    ] == [None, None]
