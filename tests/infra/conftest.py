"""One plan for all tests of a process: the real Terraform needs two seconds for it."""

import json
from collections.abc import Iterator

import pytest

from tools.terraform.plan import VARIABLES, Plan
from tools.terraform.terraform import Workspace, workspace


@pytest.fixture(scope="session")
def place() -> Iterator[Workspace]:
    """A copy of the configuration; tests must not change it."""
    with workspace() as prepared:
        yield prepared


@pytest.fixture(scope="session")
def plan(place: Workspace) -> Plan:
    return Plan(place.plan(VARIABLES), place.infra)


@pytest.fixture(scope="session")
def document(plan: Plan) -> str:
    """The parts of the plan that rules read, as JSON to make copies from."""
    return json.dumps({part: plan.document[part] for part in ("configuration", "planned_values")})
