"""The API over fakes."""

import pytest
from flask.testing import FlaskClient

from promptreel.api import routes
from tests.fakes.world import FakeWorld


@pytest.fixture
def http(world: FakeWorld) -> FlaskClient:
    return routes.app(lambda: world).test_client()
