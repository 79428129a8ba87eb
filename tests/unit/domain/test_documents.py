"""Documents: unknown fields are kept, what cannot be read is refused by name, nothing else can be written."""

from typing import Any

import pytest

from promptreel.domain.job import Job
from promptreel.domain.scene import Scene
from promptreel.domain.states import SceneState
from promptreel.errors import UnreadableDocument
from tests.factories import a_job, a_scene, later
from tests.recorded import from_a_newer_version


def test_document_keeps_unknown_fields_at_every_depth_when_it_is_changed() -> None:
    newer = from_a_newer_version(a_job().enter_state(a_job().state, later(1)).to_json())

    changed = Job.from_json(newer, "jobs/job-1").evolve(run=2, warnings=("dark",))

    assert changed.to_json() == {**newer, "run": 2, "warnings": ["dark"]}


def test_unknown_value_that_is_no_json_is_kept_as_it_is() -> None:
    newer = {**a_job().to_json(), "since": later(9)}

    assert Job.from_json(newer, "jobs/job-1").evolve(run=2).to_json()["since"] == later(9)


def test_deleted_job_keeps_no_field_that_its_version_does_not_know() -> None:
    newer = {**a_job().to_json(), "synopsis": "A keeper waits"}

    assert "synopsis" not in Job.from_json(newer, "jobs/job-1").mark_deleted(later(1)).to_json()


def test_absent_text_is_none_and_stays_an_empty_string_in_the_document() -> None:
    stored = a_scene(start={"uri": "gs://artifacts/a.png", "digest": "d", "checksum": ""}, video_model="").to_json()

    scene = Scene.from_json(stored, "jobs/job-1/scenes/scene-01")

    assert scene.start is not None
    assert (scene.video_model, scene.start.checksum) == (None, None)
    assert scene.evolve(take=2).to_json() == {**stored, "take": 2}
    assert (stored["video_model"], stored["start"]["checksum"]) == ("", "")


@pytest.mark.parametrize(
    ("change", "named"),
    [({"schema": 2}, "schema"), ({"state": "GRADING"}, "state"), ({"duration_s": None}, "duration_s")],
)
def test_document_is_refused_by_field_and_without_its_words_when_this_version_cannot_read_it(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(UnreadableDocument, match=rf"jobs/job-1/scenes/scene-01 .*\({named}: ") as caught:
        Scene.from_json({**a_scene(description="a secret").to_json(), **change}, "jobs/job-1/scenes/scene-01")

    assert "secret" not in str(caught.value)
    assert "newer" in caught.value.remedy


def test_field_that_does_not_exist_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="no field sate"):
        a_scene().evolve(sate=SceneState.DONE)  # type: ignore[call-arg] # mypy refuses it as well
