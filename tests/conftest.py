"""What every room of the product's tests shares."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from promptreel.domain import models
from tests.fakes.services import FakeServices

# The modules with the longest tests, the longest first. Workers take modules in this order, then by number of tests: no
# worker is then left with a long one at the end.
LONGEST = (
    "tests/e2e/test_course.py",
    "tests/e2e/test_remedies.py",
    "tests/e2e/test_video_backends.py",
    "tests/unit/ledger/test_money_machine.py",
    "tests/contract/test_whole_stack.py",
    "tests/chaos/test_short_chaos.py",
    "tests/packaging/test_deployment.py",
    "tests/stitcher/test_film_of_a_job.py",
    "tests/e2e/test_ways_in.py",
    "tests/e2e/test_budget.py",
    "tests/e2e/test_film.py",
    "tests/e2e/test_deleting_and_reconciling.py",
    "tests/e2e/test_smoke_film.py",
    "tests/e2e/test_later_day.py",
    "tests/stitcher/test_machine_trouble.py",
    "tests/stitcher/test_copied_share.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    sizes = Counter(item.path for item in items)
    places = {name: place for place, name in enumerate(LONGEST)}

    def key(item: pytest.Item) -> tuple[int, int]:
        return places.get(item.nodeid.partition("::")[0], len(places)), -sizes[item.path]

    items.sort(key=key)


@pytest.fixture
def world() -> FakeServices:
    return FakeServices()


@pytest.fixture
def change_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Change fields of one model in a copy of models.json, which is the registry for this test. Answers the copy."""
    copy = tmp_path / "models.json"
    copy.write_bytes(models.MODELS_FILE.read_bytes())
    monkeypatch.setattr(models, "MODELS_FILE", copy)

    def change(model_id: str, **fields: Any) -> Path:
        data = json.loads(copy.read_bytes())
        (model,) = (one for kind in ("text", "image", "video") for one in data[kind] if one["id"] == model_id)
        model.update(fields)
        copy.write_text(json.dumps(data), encoding="utf-8")
        models.registry.cache_clear()
        return copy

    yield change
    models.registry.cache_clear()
