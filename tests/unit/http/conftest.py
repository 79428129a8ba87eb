"""The API over fakes, whose answers must be what its document says."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.sansio.request import Request
from werkzeug.test import TestResponse

from promptreel.http import documents, problems, routes
from promptreel.http.route import Route
from promptreel.http.route_table import ROUTES
from tests.fakes.services import FakeServices

PATHS = {one.rule: re.compile(re.sub("<[^>]+>", "[^/]+?", one.rule)) for one in ROUTES}


class CheckedClient(FlaskClient):
    """A client that fails the test when an answer is none that the route documents."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        if route := find_route(answer.request):
            check_documented(route, answer)
        return answer


def find_route(request: Request) -> Route | None:
    """The route that answered; None where there is none, so that 404 or 405 are not of any."""
    matching = (route for route in ROUTES if route.method == request.method)
    return next((route for route in matching if PATHS[route.rule].fullmatch(request.path)), None)


def check_documented(route: Route, answer: TestResponse) -> None:
    """That status, type and every field of the answer are documented, and no documented field is missing."""
    status, media_type = answer.status_code, answer.mimetype
    if status in route.problem_statuses:
        assert media_type == problems.MEDIA_TYPE
        document: Any = documents.Problem
    else:
        assert status in route.all_answers, f"{route.operation_id} answers {status}, which it does not document"
        documented = route.all_answers[status]
        if documented.document is None or media_type == documented.media_type:
            assert media_type == documented.media_type or not answer.get_data()
            return
        assert media_type == "application/json"
        document = documented.document
    body = answer.get_json(force=True)
    assert document.model_validate(body).model_dump(mode="json") == body, route.operation_id


@pytest.fixture
def http(world: FakeServices) -> FlaskClient:
    app = routes.app(lambda: world)
    app.test_client_class = CheckedClient
    return app.test_client()
