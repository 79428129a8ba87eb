"""The registry file: which of its models are served, and files that are not one."""

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.replicate.registry import read_models
from localcloud.tests.replicate.harness import KLING, MODELS, VEO


def changed(folder: Path, **members: Any) -> Path:
    """The tests' registry file with other members in all its models of this protocol."""
    data = json.loads(MODELS.read_text())
    data["video"] = [{**entry, **members} for entry in data["video"] if entry["id"] in (VEO, KLING)]
    file = folder / "models.json"
    file.write_text(json.dumps(data))
    return file


def test_only_models_of_this_protocol_that_are_not_retired_are_served_when_the_file_has_others() -> None:
    assert set(read_models(MODELS)) == {VEO, KLING}


def test_models_of_the_shared_file_are_served_when_no_file_is_named() -> None:
    models = read_models()

    assert models
    assert all("prompt" in model.inputs and model.prices for model in models.values())


def test_limit_is_the_files_when_the_file_changes_it(tmp_path: Path) -> None:
    file = changed(tmp_path, seconds={"text": {"720p": {"from": 5, "to": 7}}})

    assert read_models(file)[VEO].all_seconds == (5, 6, 7)


@pytest.mark.parametrize(
    "members", [{"inputs": {"words": "prompt"}}, {"seconds": [4, 6, 8]}, {"frame_px": {"720p": [1280]}}]
)
def test_file_is_refused_when_an_entry_is_not_of_its_form(tmp_path: Path, members: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no input is called|not a registry|not enough values"):
        read_models(changed(tmp_path, **members))


def test_file_is_refused_when_it_is_not_a_registry(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text("[]")
    with pytest.raises(ValueError, match="not a registry of models"):
        read_models(file)
