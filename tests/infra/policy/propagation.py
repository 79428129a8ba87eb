"""Rules about order and waits: one apply suffices, because a resource is created after what it needs has propagated."""

from collections.abc import Iterator

from tests.infra.policy.rules import rule
from tools.terraform.plan import PROJECT, Plan, made_before
from tools.terraform.settling import GRANT_S, METRIC_S


@rule
def alerts_and_goals_wait_for_their_metrics(plan: Plan) -> Iterator[str]:
    wait = next(one for one in plan.of_kind("time_sleep") if one.name == "log_metrics")
    if _seconds(wait.values.get("create_duration")) < METRIC_S:
        yield f"{wait.address} lasts {wait.values.get('create_duration')}"
    metrics = {str(metric.values["name"]) for metric in plan.of("logging_metric")}
    if set((wait.values.get("triggers") or {}).values()) != metrics:
        yield f"{wait.address} does not run for each new metric"
    for resource in plan.of("monitoring_alert_policy", "monitoring_slo"):
        if wait.address not in made_before(plan, resource.address.partition("[")[0]):
            yield f"{resource.address} may be created before its metric is known"


@rule
def builds_and_triggers_wait_for_their_grants(plan: Plan) -> Iterator[str]:
    wait = next(one for one in plan.of_kind("time_sleep") if one.name == "grants")
    if _seconds(wait.values.get("create_duration")) < GRANT_S:
        yield f"{wait.address} lasts {wait.values.get('create_duration')}"
    for resource in plan.of("cloudfunctions2_function", "eventarc_trigger"):
        if wait.address not in made_before(plan, resource.address.partition("[")[0]):
            yield f"{resource.address} may be created before its grants have propagated"
    for grant in recent_grants(plan) - made_before(plan, wait.address):
        yield f"{wait.address} does not wait for {grant}"


@rule
def scheduler_is_created_after_the_sweeper(plan: Plan) -> Iterator[str]:
    before = made_before(plan, "google_cloud_scheduler_job.this")
    for needed in ("google_cloudfunctions2_function.this", "google_cloud_run_v2_service_iam_member.invokes"):
        if needed not in before:
            yield f"the scheduler may run before {needed}"


def recent_grants(plan: Plan) -> set[str]:
    """The grants of builds and triggers, as addresses without key."""
    accounts = tuple(
        f":film-{name}@{PROJECT}.iam.gserviceaccount.com" for name in ("build", "build-functions", "eventarc")
    )
    members = (*accounts, "@gs-project-accounts.iam.gserviceaccount.com")
    return {
        resource.address.partition("[")[0]
        for resource in plan.resources
        if resource.type.endswith("_iam_member") and str(resource.values.get("member")).endswith(members)
    }


def _seconds(text: object) -> int:
    return int(str(text or "0s").removesuffix("s"))
