"""Rules about APIs, labels, billing, logs and old images."""

from collections.abc import Iterator

from tests.infra.policy.rules import rule
from tools.terraform.plan import VARIABLES, Plan, made_before

LABELS = {"app": "promptreel", "env": "prod", **VARIABLES["labels"]}
RETENTION_DAYS = 30

API_OF = {
    "artifact_registry": "artifactregistry",
    "billing": "billingbudgets",
    "cloud_run": "run",
    "cloud_scheduler": "cloudscheduler",
    "cloud_tasks": "cloudtasks",
    "cloudfunctions2": "cloudfunctions",
    "eventarc": "eventarc",
    "firestore": "firestore",
    "iap": "iap",
    "logging": "logging",
    "monitoring": "monitoring",
    "project_iam_custom_role": "iam",
    "project_iam": "cloudresourcemanager",
    "project_service": "cloudresourcemanager",
    "service_account": "iam",
    "storage": "storage",
    "workflows": "workflows",
}
CALLED = {
    "aiplatform",
    "cloudbuild",
    "cloudtrace",
    "eventarcpublishing",
    "iamcredentials",
    "pubsub",
    "secretmanager",
    "workflowexecutions",
}
"""APIs that the code, a build or an event needs, although no resource implies them."""


@rule
def apis_are_enabled_as_needed_and_never_disabled(plan: Plan) -> Iterator[str]:
    enabled = {str(service.values["service"]).removesuffix(".googleapis.com") for service in plan.of("project_service")}
    needed = set(CALLED)
    for resource in plan.resources:
        if not resource.type.startswith("google_"):
            continue
        beginning = next(name for name in API_OF if resource.type.startswith(f"google_{name}"))
        needed.add(API_OF[beginning])
    if enabled != needed:
        yield f"not enabled: {sorted(needed - enabled)}; not needed: {sorted(enabled - needed)}"
    for service in plan.of("project_service"):
        if service.values.get("disable_on_destroy") is not False or service.values.get("disable_dependent_services"):
            yield f"{service.address}: a teardown would disable it for the whole project"


@rule
def every_resource_waits_for_its_api(plan: Plan) -> Iterator[str]:
    for address, resource in plan.configuration.items():
        if resource["mode"] != "managed" or resource["type"] == "google_project_service":
            continue
        if "google_project_service.this" not in made_before(plan, address):
            yield f"{address} may be created before its API is enabled"


@rule
def every_resource_is_labelled(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        for name in ("effective_labels", "user_labels"):
            if name in resource.values and resource.values[name] != LABELS:
                yield f"{resource.address}: {name} {resource.values[name]}"
    if "default_labels" not in plan.provider["expressions"]:
        yield "the provider has no default labels"


@rule
def requests_are_billed_to_this_project(plan: Plan) -> Iterator[str]:
    given = plan.provider["expressions"]
    if given.get("user_project_override", {}).get("constant_value") is not True:
        yield "the provider does not set the quota project"
    for name, variable in (("project", "var.project"), ("billing_project", "var.project"), ("region", "var.region")):
        if given.get(name, {}).get("references") != [variable]:
            yield f"the provider's {name} is {given.get(name)}"


@rule
def logs_are_kept_for_a_month(plan: Plan) -> Iterator[str]:
    (bucket,) = plan.of("logging_project_bucket_config")
    actual = (bucket.values.get("bucket_id"), bucket.values.get("location"), bucket.values.get("retention_days"))
    if actual != ("_Default", "global", RETENTION_DAYS) or bucket.values.get("locked"):
        yield f"logs: {actual}"


@rule
def old_images_are_deleted_and_new_ones_kept(plan: Plan) -> Iterator[str]:
    kept = {"promptreel": 10, "promptreel-functions": 3}
    for repository in plan.of("artifact_registry_repository"):
        name = repository.values["repository_id"]
        policies = {policy["action"]: policy for policy in repository.blocks("cleanup_policies")}
        keep = (policies.get("KEEP", {}).get("most_recent_versions") or [{}])[0]
        delete = (policies.get("DELETE", {}).get("condition") or [{}])[0]
        if keep.get("keep_count") != kept.get(name):
            yield f"{repository.address} keeps {keep.get('keep_count')} images"
        if (delete.get("older_than"), delete.get("tag_state")) != ("2592000s", "ANY"):
            yield f"{repository.address} deletes {delete}"
        if repository.values.get("cleanup_policy_dry_run") is not False or repository.values.get("format") != "DOCKER":
            yield f"{repository.address} has no active cleanup policy"
        if repository.block("docker_config").get("immutable_tags"):
            yield f"{repository.address}: images whose tags cannot be deleted are never cleaned up"
    if len(plan.of("artifact_registry_repository")) != len(kept):
        yield f"there are {len(kept)} repositories"
