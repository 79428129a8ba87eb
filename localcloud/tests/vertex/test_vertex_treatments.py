"""The stand-in's treatment of an idea: its own scenes and lines, word for word, and nothing else."""

from typing import Any

import pytest

from localcloud.vertex.text import treatment
from localcloud.vertex.text.story import Brief


def brief(idea: str) -> Brief:
    return Brief(idea, (idea,), ())


def test_treatment_copies_scenes_and_lines_of_a_script() -> None:
    idea = "Szene 1: Der Wärter und die Lampe\nMira: „Wo bist du?“\nSzene 2: Die Nacht und das Meer"

    answer = treatment.answer(brief(idea))

    assert answer["language"] == "de"
    assert answer["scenes"] == [
        "Szene 1: Der Wärter und die Lampe\nMira: „Wo bist du?“", "Szene 2: Die Nacht und das Meer"
    ]  # fmt: skip
    assert answer["dialogue"] == [{"speaker": "Mira", "line": "Wo bist du?"}]


@pytest.mark.parametrize("idea", ["A fox", "灯台守が海を見る。", "One sentence. Another one."])
def test_treatment_invents_no_scene_and_no_line(idea: str) -> None:
    answer = treatment.answer(brief(idea))

    assert (answer["scenes"], answer["dialogue"]) == ([], [])
    assert answer["logline"] in idea


def test_storyboard_shows_what_there_are_pictures_of_under_its_name() -> None:
    shots: list[dict[str, Any]] = [{"description": "A lamp."}, {"description": "Mira waits."}]
    board = {"characters": [], "settings": [], "scenes": shots}
    told = "<pictures>\nThere are pictures.\ncharacter Mira: red coat\nplace Harbour\nproduct Lumo 2\n</pictures>"

    treatment.follow(board, told)

    assert board["characters"] == [{"name": "Mira", "description": "red coat"}]
    assert [one["name"] for one in board["settings"]] == ["Harbour"]
    assert all(name in shot["description"] for shot in shots for name in ("Mira", "Harbour", "Lumo 2"))
    assert [shot["characters"] for shot in shots] == [["Mira"], ["Mira"]]
