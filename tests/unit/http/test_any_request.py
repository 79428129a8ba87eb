"""Any request that the API's own document allows, and many that it does not: every answer is as documented."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from promptreel.domain.active_jobs import Limits
from promptreel.http import routes
from promptreel.http.route_table import ROUTES
from tests.fakes.services import FakeServices
from tests.unit.http.api_requests import bearer, submit

REQUESTS = 120
"""For each operation: some 3,300 in all."""
HELD = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("operation_id", [route.operation_id for route in ROUTES])
def test_every_answer_is_documented_and_none_is_a_failure_of_the_server(operation_id: str) -> None:
    world = FakeServices()
    object.__setattr__(world, "limits", Limits(active_jobs=1_000_000, requests_per_minute=1_000_000_000))
    app = routes.app(lambda: world)
    job_id = submit(app.test_client()).get_json()["id"]
    schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)
    (operation,) = [one.ok() for one in schema.include(operation_id=operation_id).get_all_operations()]  # type: ignore[union-attr]
    seen: list[int] = []

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def request(case: schemathesis.Case[Any]) -> None:
        is_about_the_job = len(seen) % 2 == 0 and operation_id != "delete_job"
        if is_about_the_job and "job_id" in (case.path_parameters or {}):
            case.path_parameters["job_id"] = job_id
        answer = case.call(headers=bearer())
        seen.append(answer.status_code)
        case.validate_response(answer, checks=HELD)

    request()

    assert seen
