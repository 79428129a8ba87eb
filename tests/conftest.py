"""What every room of the product's tests shares."""

import pytest

from tests.fakes.services import FakeServices


@pytest.fixture
def world() -> FakeServices:
    return FakeServices()
