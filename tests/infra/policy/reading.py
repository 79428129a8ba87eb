"""How a secret reaches a function. None is read today, so readers are made up for this look alone."""

import json
from collections.abc import Iterator

from tests.infra.offline.terraform import Workspace
from tests.infra.policy.plan import PROJECT, VARIABLES, Plan

READERS = ["close_job", "fail_job"]


def planned_with_readers(place: Workspace) -> Plan:
    """The plan, were every secret read by two functions. Raises: PlanFailed."""
    file = place.infra / "config/services.json"
    before = file.read_text(encoding="utf-8")
    services = json.loads(before)
    for secret in services["secrets"].values():
        secret["readers"] = READERS
    file.write_text(json.dumps(services), encoding="utf-8")
    try:
        return Plan(place.plan(VARIABLES), place.infra)
    finally:
        file.write_text(before, encoding="utf-8")


def faults_of_reading(plan: Plan) -> Iterator[str]:
    """What is wrong with what readers are given; that others are given nothing is looked at too."""
    named = {"key": "PROMPTREEL_WEBHOOK_SECRET", "project_id": PROJECT, "secret": "webhook-signing", "version": "1"}
    for function in plan.of("cloudfunctions2_function"):
        given = list(function.block("service_config").get("secret_environment_variables") or ())
        if given != ([named] if function.key in READERS else []):
            yield f"{function.address} is given {given}"
    granted = {
        tuple(grant.values.get(name) for name in ("secret_id", "role", "member"))
        for grant in plan.resources
        if grant.type == "google_secret_manager_secret_iam_member"
    }
    wanted = {
        (
            "webhook-signing",
            "roles/secretmanager.secretAccessor",
            f"serviceAccount:film-{reader.replace('_', '-')}@{PROJECT}.iam.gserviceaccount.com",
        )
        for reader in READERS
    }
    if granted != wanted:
        yield f"secrets are read by {granted}"
