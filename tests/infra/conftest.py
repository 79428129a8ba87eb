"""One plan for all tests of a process: it is made by the real Terraform and takes two seconds."""

import json
from collections.abc import Iterator

import pytest

from tests.infra.policy.plan import VARIABLES, Plan
from tools.terraform.terraform import Workspace, workspace


@pytest.fixture(scope="session")
def place() -> Iterator[Workspace]:
    """A copy of the configuration; not to be changed."""
    with workspace() as made:
        yield made


@pytest.fixture(scope="session")
def plan(place: Workspace) -> Plan:
    return Plan(place.plan(VARIABLES), place.infra)


@pytest.fixture(scope="session")
def document(plan: Plan) -> str:
    """What rules look at of the plan, as text to make copies from."""
    return json.dumps({part: plan.document[part] for part in ("configuration", "planned_values")})
