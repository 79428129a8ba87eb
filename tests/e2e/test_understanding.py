"""A script in another language than English becomes a film of its own scenes and lines, on a whole stack."""

from tests.e2e.stack import Stack

SCRIPT = """\
Ein hochkantes Video von 12 Sekunden.

Szene 1: Der Wärter Jonas steht am Fenster und sieht auf das Meer.
Jonas: „Wo bleibt das Schiff?“

Szene 2: Ein Schiff fährt durch die Nacht.
Mira: „Ich sehe das Licht!“

Szene 3: Jonas und Mira stehen am Strand."""


def test_german_script_is_filmed_with_its_scenes_and_lines(stack: Stack) -> None:
    job_id = stack.submit(SCRIPT, quality="draft", seed=11)
    accepted = {one["field"]: one["value"] for one in stack.job(job_id)["inferred"]}

    job = stack.wait(job_id)

    assert job["state"] == "COMPLETE", job["error"]
    assert accepted == {"scenes": 3, "duration_s": 12, "aspect": "9:16"}
    assert {one["field"]: (one["value"], one["source"]) for one in job["inferred"]} == {
        "scenes": (3, "rules"),
        "duration_s": (12, "rules"),
        "aspect": ("9:16", "rules"),
    }
    assert job["treatment"]["language"] == "de"
    assert job["output"]["frames"] == 12 * 24
    assert [scene["heading"] for scene in job["scenes"]] == [
        line for line in SCRIPT.splitlines() if line.startswith("Szene")
    ]
    assert [[line["line"] for line in scene["dialogue"]] for scene in job["scenes"]] == [
        ["Wo bleibt das Schiff?"], ["Ich sehe das Licht!"], []
    ]  # fmt: skip
    texts = [call["purpose"] for call in stack.ledger(job_id)["calls"] if call["kind"] == "text"]
    assert texts == ["treatment", "storyboard"]
