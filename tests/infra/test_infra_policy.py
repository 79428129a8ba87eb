"""The plan satisfies every rule, the table of grants and the inventory."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from main import STEPS
from tests.factories import a_job
from tests.infra.access_table import TABLE, lines
from tests.infra.policy import access, data, declared, firestore_queries
from tests.infra.policy.all_rules import RULES
from tools.terraform import inventory
from tools.terraform.plan import Plan
from tools.terraform.terraform import ROOT


@pytest.mark.parametrize("name", sorted(RULES))
def test_plan_satisfies_the_rule(plan: Plan, name: str) -> None:
    assert list(RULES[name](plan)) == []


def test_grants_are_exactly_those_of_the_table(plan: Plan) -> None:
    granted, wanted = access.grants(plan), lines(TABLE)

    assert sorted(granted - wanted) == []
    assert sorted(wanted - granted) == []


def test_plan_matches_the_inventory(plan: Plan) -> None:
    found, wanted = json.loads(inventory.text(plan)), json.loads(inventory.FILE.read_text(encoding="utf-8"))
    differing = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))

    assert differing == [], "if the change is intended, run `make infra-inventory` and read its diff"


def test_page_on_deploying_counts_the_alert_conditions_that_google_bills(plan: Plan) -> None:
    count = sum(len(alert.blocks("conditions")) for alert in plan.of("monitoring_alert_policy"))

    assert f"{count} alert conditions" in (ROOT / "docs/deploy.md").read_text(encoding="utf-8")


def test_every_method_of_the_adapter_has_example_queries_or_makes_none() -> None:
    assert firestore_queries.methods() == set(firestore_queries.CALLS) | firestore_queries.BY_PATH


def test_artifacts_of_any_age_are_kept_when_their_job_is_resumed_repeatedly(plan: Plan) -> None:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    job, now = a_job(created=created, expires=created + timedelta(days=90)), created
    for _ in range(10):
        now += timedelta(days=89)
        job = job.evolve(expires=job.expiry_from(now), resumed=now)
    oldest = now - created

    assert not job.is_hidden(now)
    assert all(oldest < timedelta(days=age) for age in data.deletion_ages_days(plan, "artifacts"))


def test_every_setting_has_a_value_in_the_cloud_or_only_in_the_local_stack() -> None:
    services = declared.config("services")

    parts = [set(services[name]) for name in ("env", "studio_env", "replicate_env", "local_env")]

    assert set().union(*parts) == declared.settings()
    assert sum(map(len, parts)) == len(declared.settings()), "no setting is set twice"


def test_every_step_is_granted_what_its_collaborators_need() -> None:
    granted = {name: set(grants) for name, grants in declared.config("access")["grants"].items()}
    needed = declared.needed_grants()
    needed["open_job"] -= {"execute", "write artifacts"}  # it only builds an execution's name
    needed["open_job"] |= {"read artifacts", "receive artifacts"}  # and stores the references of a request
    for step in ("sweep_jobs", "close_job", "fail_job"):
        needed[step] -= {"read prompts"}  # they only write and delete reports
    needed["poll_clips"] |= {"see clips", "see clips-high"}  # it alone searches for lost tasks

    assert set(needed) == declared.entry_points() - {"api"}
    assert {name: granted[name] for name in needed} == needed


def test_steps_that_call_video_models_are_granted_what_replicate_needs() -> None:
    filming = {name: {"replicate"} for name, step in STEPS.items() if "video" in step.uses}
    filming["submit_clip"] |= {"sign"}  # Replicate fetches keyframes by signed links

    assert {name: set(grants) for name, grants in declared.config("access")["replicate_grants"].items()} == filming


def test_project_is_a_setting_without_default() -> None:
    assert "PROMPTREEL_PROJECT" in declared.settings_needed()
