"""Rules about an organization's own key and perimeter and about Replicate, which the common plan does not have."""

from collections.abc import Iterator
from typing import Any

from main import STEPS
from tests.infra.policy.access import workloads
from tests.infra.policy.services import environment
from tools.terraform import schemas
from tools.terraform.plan import NUMBER, PROJECT, VARIABLES, Plan, made_before
from tools.terraform.settling import GRANT_S
from tools.terraform.wire import walk

KEY = "projects/keys/locations/us-central1/keyRings/r/cryptoKeys/k"
PERIMETER = "accessPolicies/1/servicePerimeters/films"
REPLICATE = {"secret": "replicate", "version": 3}
OPTIONS = {**VARIABLES, "kms_key": KEY, "service_perimeter": PERIMETER, "replicate_token": REPLICATE}

KEY_ATTRIBUTES = {"kms_key_name", "default_kms_key_name", "crypto_key_name", "encryption_key"}
WITHOUT_KEY = {
    "google_logging_project_bucket_config",  # _Default was there before, and takes no key afterwards
    "google_storage_bucket_object",  # the bucket's key is its own
}
AGENTS = {
    "artifacts": "gcp-sa-artifactregistry",
    "database": "gcp-sa-firestore",
    "functions": "gcf-admin-robot",
    "services": "serverless-robot-prod",
    "storage": "gs-project-accounts",
    "workflows": "gcp-sa-workflows",
}
_ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


def faults_of_options(plan: Plan) -> Iterator[str]:
    """What is wrong with a plan that was made with `OPTIONS`."""
    yield from _without_the_key(plan)
    yield from _key_users(plan)
    for joined in plan.of("access_context_manager_service_perimeter_resource"):
        if (joined.values["perimeter_name"], joined.values["resource"]) != (PERIMETER, f"projects/{NUMBER}"):
            yield f"{joined.address}: {joined.values['resource']} joins {joined.values['perimeter_name']}"
        before = made_before(plan, joined.address.partition("[")[0])
        for kind in ("cloudfunctions2_function.this", "cloud_run_v2_service.stitcher", "cloud_run_v2_service.studio"):
            if f"google_{kind}" not in before:
                yield f"the perimeter is joined before {kind} is built"
    enabled = {str(one.values["service"]).partition(".")[0] for one in plan.of("project_service")}
    yield from (f"{name} is not enabled" for name in {"cloudkms", "accesscontextmanager", "secretmanager"} - enabled)
    yield from _replicate(plan)


def _replicate(plan: Plan) -> Iterator[str]:
    """Whoever chooses models knows that Replicate is on; the steps that film have its token, and no one else."""
    token = {"key": "PROMPTREEL_REPLICATE_TOKEN", "project_id": PROJECT, "secret": "replicate", "version": "3"}
    for workload in workloads(plan):
        if environment(workload).get("PROMPTREEL_REPLICATE") != ("on" if workload.name != "stitcher" else None):
            yield f"{workload.address}: PROMPTREEL_REPLICATE is {environment(workload).get('PROMPTREEL_REPLICATE')}"
        found = list(workload.block("service_config").get("secret_environment_variables") or ())
        films = workload.key in STEPS and "video" in STEPS[workload.key].uses
        if found != ([token] if films else []):
            yield f"{workload.address} has the secrets {found}"
    grant = "google_secret_manager_secret_iam_member.reads_token"
    if grant not in made_before(plan, "time_sleep.grants"):
        yield "a function may be deployed before its account may read the token"
    if any(
        "secret_manager_secret" in one.type and one.type.removesuffix("_iam_member") == one.type
        for one in plan.resources
    ):
        yield "the secret is an operator's, not Terraform's"


def _without_the_key(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        can = KEY_ATTRIBUTES & set(_attributes(schemas.google().resources.get(resource.type, {})))
        if not can or resource.type in WITHOUT_KEY:
            continue
        if KEY not in walk(resource.values):
            yield f"{resource.address} is encrypted with another key"
        if "time_sleep.key" not in made_before(plan, resource.address.partition("[")[0]):
            yield f"{resource.address} may be made before its agent may use the key"


def _key_users(plan: Plan) -> Iterator[str]:
    found = {
        str(grant.key): tuple(grant.values[name] for name in ("crypto_key_id", "role", "member"))
        for grant in plan.of("kms_crypto_key_iam_member")
    }
    for name in found.keys() | AGENTS.keys():
        wanted = (KEY, _ROLE, f"serviceAccount:service-{NUMBER}@{AGENTS.get(name)}.iam.gserviceaccount.com")
        if found.get(name) != wanted:
            yield f"{name}: the key is used by {found.get(name)}"
    (wait,) = (one for one in plan.of_kind("time_sleep") if one.name == "key")
    if int(str(wait.values["create_duration"] or "0s").removesuffix("s")) < GRANT_S:
        yield f"{wait.address} lasts {wait.values['create_duration']}"
    if "google_kms_crypto_key_iam_member.uses_key" not in made_before(plan, "time_sleep.key"):
        yield "nothing waits until the agents may use the key"


def _attributes(block: dict[str, Any]) -> Iterator[str]:
    yield from block.get("attributes", {})
    for nested in block.get("block_types", {}).values():
        yield from _attributes(nested["block"])
