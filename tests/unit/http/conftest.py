"""The API over fakes."""

import pytest
from flask.testing import FlaskClient

from promptreel.http import routes
from tests.fakes.services import FakeServices


@pytest.fixture
def http(world: FakeServices) -> FlaskClient:
    return routes.app(lambda: world).test_client()
