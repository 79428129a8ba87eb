"""Rules about accounts, grants and public access."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from tests.infra.policy.rules import rule
from tools.terraform.plan import NUMBER, PROJECT, Plan, Resource, leaves

PUBLIC_SERVICES = {"api", "studio"}
"""The services that the internet can reach; each authenticates its callers."""

CUSTOM_ROLES = {
    "promptreelInteractor": {"aiplatform.interactions.create", "aiplatform.interactions.get"},
    "promptreelPredictor": {"aiplatform.endpoints.predict"},
    "promptreelReceiver": {"storage.objects.create", "storage.objects.get"},
    "promptreelSecretCreator": {"secretmanager.secrets.create"},
    "promptreelSecretKeeper": {"secretmanager.versions.add", "secretmanager.versions.destroy"},
    "promptreelSigner": {"iam.serviceAccounts.signBlob"},
    "promptreelTaskViewer": {"cloudtasks.tasks.get"},
    "promptreelUploader": {"storage.objects.create", "storage.objects.delete"},
}
PROJECT_ROLES = {
    f"projects/{PROJECT}/roles/promptreelInteractor",
    f"projects/{PROJECT}/roles/promptreelPredictor",
    f"projects/{PROJECT}/roles/promptreelSecretCreator",
    "roles/datastore.user",
    "roles/eventarc.eventReceiver",
    "roles/logging.logWriter",
    "roles/pubsub.publisher",
    "roles/workflows.invoker",
}
"""Roles that can only be granted on the whole project."""
WIDER_ROLES = {"roles/aiplatform.user", "roles/iam.serviceAccountTokenCreator"}
CONDITIONED_PROJECT_ROLES = {
    f"projects/{PROJECT}/roles/promptreelSecretKeeper",
    "roles/datastore.user",
    "roles/secretmanager.secretAccessor",
    "roles/storage.objectViewer",
}

_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|API_?KEY")
_ENTROPY_BITS = 4.2
_LONG = 24


def grants(plan: Plan) -> set[str]:
    """Every grant as one line: role, resource, member, condition."""
    return {_line(resource) for resource in plan.resources if resource.type.endswith("_iam_member")}


@rule
def no_resource_is_public(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        for path, value in leaves(resource.values):
            if path[-1] in {"member", "members", "entity"} and value in {"allUsers", "allAuthenticatedUsers"}:
                yield f"{resource.address} is open to {value}"
        if resource.values.get("invoker_iam_disabled"):
            yield f"{resource.address} lets anyone call it"
        if resource.type in {"google_storage_bucket_acl", "google_storage_default_object_acl"}:
            yield f"{resource.address}: access is by role, not by an access list"


@rule
def studio_is_behind_iap(plan: Plan) -> Iterator[str]:
    for service in plan.of("cloud_run_v2_service"):
        if bool(service.values.get("iap_enabled")) != (service.name == "studio"):
            yield f"{service.address}: iap_enabled is {service.values.get('iap_enabled')}"


@rule
def project_wide_roles_are_few_and_narrow(plan: Plan) -> Iterator[str]:
    for grant in plan.of("project_iam_member"):
        role, condition = grant.values.get("role"), grant.block("condition")
        if role in CONDITIONED_PROJECT_ROLES:
            if not re.search(r"resource\.name(\.startsWith\(| == )\"projects/", str(condition.get("expression", ""))):
                yield f"{grant.address}: {role} without a condition on what it is for"
        elif role not in PROJECT_ROLES:
            yield f"{grant.address}: {role} on the whole project"
        if grant.values.get("project") != PROJECT:
            yield f"{grant.address} names project {grant.values.get('project')}"


@rule
def custom_roles_have_exactly_the_listed_permissions(plan: Plan) -> Iterator[str]:
    found = {role.values["role_id"]: set(role.values["permissions"]) for role in plan.of("project_iam_custom_role")}
    for name in found.keys() | CUSTOM_ROLES.keys():
        if found.get(name) != CUSTOM_ROLES.get(name):
            yield f"{name} allows {found.get(name)}"
    for grant in plan.resources:
        if grant.values.get("role") in WIDER_ROLES:
            yield f"{grant.address}: {grant.values['role']} where a narrower custom role exists"


@rule
def each_build_account_writes_its_own_repository(plan: Plan) -> Iterator[str]:
    writers = [
        (str(grant.values.get("member")), str(grant.values.get("repository")))
        for grant in plan.of("artifact_registry_repository_iam_member")
    ]
    if len({member for member, _ in writers}) != len(writers) or len({to for _, to in writers}) != len(writers):
        yield f"one build's dependency could replace what another built: {writers}"


@rule
def no_grant_has_a_basic_role(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        if resource.values.get("role") in {"roles/owner", "roles/editor", "roles/viewer"}:
            yield f"{resource.address}: {resource.values['role']}"


@rule
def no_authoritative_grant_and_no_key_exists(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        if re.search(r"_iam_(binding|policy|audit_config)$", resource.type):
            yield f"{resource.address} would remove what others granted"
        if resource.type in {"google_service_account_key", "google_storage_hmac_key"}:
            yield f"{resource.address} is a key that can leak"


@rule
def every_workload_has_its_own_account(plan: Plan) -> Iterator[str]:
    used: Counter[str] = Counter()
    for resource in [*workloads(plan), *plan.of("workflows_workflow", "eventarc_trigger")]:
        account = account_of(resource)
        used[account] += 1
        if not re.fullmatch(rf"film-[a-z-]+@{PROJECT}\.iam\.gserviceaccount\.com", account):
            yield f"{resource.address} runs as {account or 'the default account'}"
        elif resource.type != "google_eventarc_trigger" and account.partition("@")[0] != f"film-{label(resource)}":
            yield f"{resource.address} runs as {account}"
    yield from (f"{account} is shared" for account, times in used.items() if times > 1)


@rule
def builds_run_as_an_account_that_serves_nothing(plan: Plan) -> Iterator[str]:
    serving = {account_of(resource) for resource in workloads(plan)}
    for function in plan.of("cloudfunctions2_function"):
        account = str(function.block("build_config").get("service_account") or "")
        if account != f"projects/{PROJECT}/serviceAccounts/film-build-functions@{PROJECT}.iam.gserviceaccount.com":
            yield f"{function.address} is built as {account or 'the default account'}"
        if account.rpartition("/")[2] in serving:
            yield f"{function.address} is built as an account that serves"


@rule
def account_names_are_valid(plan: Plan) -> Iterator[str]:
    for account in plan.of("service_account"):
        if not re.fullmatch(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", str(account.values["account_id"])):
            yield f"{account.address}: {account.values['account_id']}"
        if account.values.get("disabled"):
            yield f"{account.address} is disabled"


@rule
def only_public_services_accept_outside_traffic(plan: Plan) -> Iterator[str]:
    for workload in workloads(plan):
        function = workload.type == "google_cloudfunctions2_function"
        ingress = workload.block("service_config").get("ingress_settings") if function else workload.values["ingress"]
        inside = "ALLOW_INTERNAL_ONLY" if function else "INGRESS_TRAFFIC_INTERNAL_ONLY"
        outside = "ALLOW_ALL" if function else "INGRESS_TRAFFIC_ALL"
        wanted = outside if label(workload) in PUBLIC_SERVICES else inside
        if ingress != wanted:
            yield f"{workload.address}: ingress is {ingress}, not {wanted}"


@rule
def no_secret_is_in_plain_text(plan: Plan) -> Iterator[str]:
    for resource in plan.resources:
        if resource.type == "google_secret_manager_secret_version":
            yield f"{resource.address} would keep the secret in the state"
        for path, value in leaves(resource.values):
            if "environment_variables" in path and "secret_environment_variables" not in path:
                yield from _suspicious(resource, path[-1], value)
        for secret in resource.block("service_config").get("secret_environment_variables") or ():
            if not str(secret.get("version")).isdigit():
                yield f"{resource.address}: version {secret.get('version')} of {secret.get('secret')}"
        for container in resource.block("template").get("containers") or ():
            for variable in container.get("env") or ():
                yield from _suspicious(resource, variable["name"], variable.get("value"))


def workloads(plan: Plan) -> list[Resource]:
    return plan.of("cloudfunctions2_function", "cloud_run_v2_service")


def label(resource: Resource) -> str:
    """The name of the service or workflow, with hyphens."""
    return (resource.key or resource.name).replace("_", "-").replace("film", "workflow")


def account_of(resource: Resource) -> str:
    """The e-mail address of the account a resource runs as; empty if none is set."""
    values = resource.values
    found = (
        resource.block("service_config").get("service_account_email")
        or resource.block("template").get("service_account")
        or values.get("service_account")
    )
    return str(found or "").rpartition("/")[2]


def _suspicious(resource: Resource, name: str, value: object) -> Iterator[str]:
    if _SECRET_NAME.search(name):
        yield f"{resource.address}: {name} is in plain text"
    text = str(value or "")
    if len(text) >= _LONG and "/" not in text and "@" not in text and _entropy(text) > _ENTROPY_BITS:
        yield f"{resource.address}: {name} looks like a secret"


def _entropy(text: str) -> float:
    shares = [times / len(text) for times in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


def _line(grant: Resource) -> str:
    values = grant.values
    on = {
        "google_artifact_registry_repository_iam_member": f"repository {values.get('repository')}",
        "google_cloud_run_v2_service_iam_member": f"service {values.get('name')}",
        "google_kms_crypto_key_iam_member": f"cryptoKey {values.get('crypto_key_id')}",
        "google_cloud_tasks_queue_iam_member": f"queue {values.get('name')}",
        "google_iap_web_cloud_run_service_iam_member": f"iap of {values.get('cloud_run_service_name')}",
        "google_project_iam_member": f"project {values.get('project')}",
        "google_secret_manager_secret_iam_member": f"secret {values.get('secret_id')}",
        "google_service_account_iam_member": f"account {values.get('service_account_id')}",
        "google_storage_bucket_iam_member": f"bucket {values.get('bucket')}",
    }[grant.type]
    line = f"{values.get('role')} on {on} to {values.get('member')}"
    condition = grant.block("condition").get("expression")
    for long, short in (
        (f"@{PROJECT}.iam.gserviceaccount.com", ""),
        (f"projects/{PROJECT}/serviceAccounts/", ""),
        (f"{PROJECT}-", ""),
        (f" {PROJECT}", ""),
        ("serviceAccount:", ""),
        (f"projects/{PROJECT}/roles/", ""),
        (NUMBER, "N"),
    ):
        line = line.replace(long, short)
    return line + (f" if {condition}" if condition else "")
