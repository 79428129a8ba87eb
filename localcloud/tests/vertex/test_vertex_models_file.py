"""The file of models decides what is accepted and what it costs: another file, another service."""

import json
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from google.genai import errors, types

from localcloud.tests.loopback import free_port
from localcloud.tests.object_store import ObjectStore
from localcloud.tests.vertex.harness import VIDEO_MODEL, FakeVertex, a_picture, ordered
from localcloud.tests.vertex.omni import OMNI, create, omni_client


def models_file(folder: Path, model_id: str, **changes: Any) -> Path:
    """The registry that ships with the stand-in, with one video model's fields changed."""
    data = json.loads(resources.files("localcloud.vertex").joinpath("models.json").read_bytes())
    data["video"] = [entry | changes if entry["id"] == model_id else entry for entry in data["video"]]
    file = folder / "models.json"
    file.write_text(json.dumps(data))
    return file


def test_limit_and_price_of_a_clip_are_those_of_the_file_when_it_is_given(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    prices = [{"since": "2026-01-01", "per_second": {"with_audio": {"720p": 7}, "silent": {"720p": 1}}}]
    seconds = {"text": {"720p": {"from": 4, "to": 5}}}
    file = models_file(tmp_path, VIDEO_MODEL, seconds=seconds, prices=prices)
    with FakeVertex(free_port(), object_store.url, ("--models", str(file))).started() as vertex:
        ordered(vertex.client(), duration_seconds=5)
        with pytest.raises(errors.ClientError, match=r"supported durations are \[4,5\] for feature text_to_video"):
            ordered(vertex.client(), duration_seconds=6)

        assert [entry["micros"] for entry in vertex.ledger()] == [5 * 7]


def test_limit_and_price_of_an_interaction_are_those_of_the_file_when_it_is_given(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    prices = [{"since": "2026-01-01", "per_million_tokens": {"input": 0, "text_output": 0, "video_output": 500_000}}]
    changes = {"seconds": {"text": {"360p": [20]}}, "tokens_per_second": {"360p": 0.55}, "location": "us-central1"}
    file = models_file(tmp_path, OMNI, prices=prices, **changes)
    with FakeVertex(free_port(), object_store.url, ("--models", str(file))).started() as vertex:
        client = vertex.client("us-central1", retry_options=types.HttpRetryOptions(attempts=1))
        create(client, duration="20s")
        with pytest.raises(Exception, match=r"'3s' is not supported .* Supported values: '20s'"):
            create(client, duration="3s")
        with pytest.raises(Exception, match="input images is not supported for model"):
            create(client, object_store.put("in/x.png", a_picture()))
        with pytest.raises(Exception, match="model_not_found"):
            create(omni_client(vertex), duration="20s")

        assert [entry["micros"] for entry in vertex.ledger()] == [7]  # 11 tokens, a tenth more outside global


@pytest.mark.parametrize("model", [OMNI, VIDEO_MODEL])
def test_model_is_no_longer_found_when_the_file_says_that_it_is_retired(
    object_store: ObjectStore, tmp_path: Path, model: str
) -> None:
    file = models_file(tmp_path, model, stage="retired")
    with FakeVertex(free_port(), object_store.url, ("--models", str(file))).started() as vertex:
        with pytest.raises(Exception, match=f"models/{model}` was not found"):
            create(omni_client(vertex)) if model == OMNI else ordered(vertex.client())

        assert vertex.ledger() == []


def test_stand_in_does_not_start_when_the_file_is_not_one_of_models(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    file.write_text('{"text": [], "image": [], "video": [{"id": "x", "stage": "ga"}]}')
    argv = [sys.executable, "-m", "localcloud", "vertex", "--port", str(free_port()), "--models", str(file)]
    started = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert started.returncode != 0
    assert "not a file of models: KeyError('protocol')" in started.stderr
