"""What must hold of a deployment, asked of the plan (H4, H8, H9); that it can fail: test_infra_rules_can_fail."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.factories import a_job
from tests.infra import inventory
from tests.infra.access_table import table
from tests.infra.policy import access, data, queries, truth
from tests.infra.policy.everything import RULES
from tests.infra.policy.plan import Plan
from tools.terraform.terraform import ROOT


@pytest.mark.parametrize("name", sorted(RULES))
def test_plan_then_keeps_the_rule(plan: Plan, name: str) -> None:
    assert list(RULES[name](plan)) == []


def test_grants_then_are_exactly_those_of_the_table(plan: Plan) -> None:
    granted, wanted = access.grants(plan), table()

    assert sorted(granted - wanted) == []
    assert sorted(wanted - granted) == []


def test_plan_then_is_the_inventory(plan: Plan) -> None:
    found, wanted = json.loads(inventory.text(plan)), json.loads(inventory.FILE.read_text(encoding="utf-8"))
    differing = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))

    assert differing == [], "meant? then run `make infra-inventory` and read its diff"


def test_page_on_deploying_counts_the_alert_conditions_that_google_bills(plan: Plan) -> None:
    count = sum(len(alert.blocks("conditions")) for alert in plan.of("monitoring_alert_policy"))

    assert f"{count} alert conditions" in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_every_query_of_the_adapter_then_is_known_here() -> None:
    assert queries.querying_methods() == set(queries.CALLS)


def test_artifacts_of_any_age_are_kept_when_their_job_is_resumed_again_and_again(plan: Plan) -> None:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    job, now = a_job(created=created, expires=created + timedelta(days=90)), created
    for _ in range(10):
        now += timedelta(days=89)
        job = job.evolve(expires=job.expiry_from(now), resumed=now)
    oldest = now - created

    assert not job.is_hidden(now)
    assert all(oldest < timedelta(days=age) for age in data.deletion_ages_days(plan, "artifacts"))


def test_every_setting_then_is_set_in_the_cloud_or_only_where_a_stand_in_answers() -> None:
    services = truth.config("services")

    everywhere, studio, here = (set(services[name]) for name in ("env", "studio_env", "local_env"))

    assert everywhere | studio | here == truth.settings()
    assert len(everywhere) + len(studio) + len(here) == len(truth.settings()), "each in one place"


def test_every_step_then_is_granted_what_it_is_given_to_work_with() -> None:
    granted = {name: set(grants) for name, grants in truth.config("access")["grants"].items()}
    needed = truth.needed_grants()
    needed["open_job"] -= {"execute"}  # it only spells an execution's name
    needed["sweep_jobs"] -= {"read prompts"}  # it only takes reports back
    needed["poll_clips"] |= {"see clips", "see clips-high"}  # it alone looks for tasks that were lost

    assert set(needed) == truth.entry_points() - {"api"}
    assert {name: granted[name] for name in needed} == needed


def test_entry_points_then_are_found() -> None:
    assert {"open_job", "api", "sweep_jobs"} <= truth.entry_points()
    assert "PROMPTREEL_PROJECT" in truth.settings_needed()
