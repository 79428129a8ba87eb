"""What every room shares: a clean environment, so that no test depends on, or reaches, a real project."""

import pytest

from tests.fakes.world import FakeWorld


@pytest.fixture(autouse=True)
def _no_inherited_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_VERTEX_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()
