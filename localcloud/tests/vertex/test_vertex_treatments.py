"""The stand-in's treatment of an idea: its own scenes and lines, word for word, and nothing else."""

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
