"""Options that most deployments leave out: the examples of infra/README.md, a key of one's own, a perimeter."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.infra.offline import schemas
from tests.infra.offline.terraform import ROOT, Workspace, workspace
from tests.infra.policy.plan import NUMBER, VARIABLES, Plan
from tests.infra.variables_table import page_with_table

EXAMPLES = re.findall(r"```hcl\n(.*?)```", (ROOT / "infra/README.md").read_text(encoding="utf-8"), re.DOTALL)
KEY = "projects/keys/locations/us-central1/keyRings/r/cryptoKeys/k"
PERIMETER = "accessPolicies/1/servicePerimeters/films"
KEY_ATTRIBUTES = {"kms_key_name", "default_kms_key_name", "crypto_key_name", "encryption_key"}
WITHOUT_KEY = {
    "google_logging_project_bucket_config": "_Default was there before, and takes no key afterwards",
    "google_storage_bucket_object": "the bucket's key is its own",
}
FROM_MAKE_DEPLOY = ("project", "region", "operators", "billing_account", "stitcher_image", "studio_image")


@pytest.fixture(scope="module")
def own() -> Iterator[Workspace]:
    with workspace() as place:
        place.plan(VARIABLES)
        yield place


@pytest.fixture(scope="module")
def options(own: Workspace) -> Plan:
    return Plan(own.plan({**VARIABLES, "kms_key": KEY, "service_perimeter": PERIMETER}), own.infra)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_of_the_readme_can_be_planned(own: Workspace, number: int) -> None:
    file = own.folder / f"example-{number}.tfvars"
    file.write_text(EXAMPLES[number], encoding="utf-8")
    given = {name: VARIABLES[name] for name in FROM_MAKE_DEPLOY}
    given["operators"] = '["ops@example.com"]'

    planned = own.run(
        "plan", "-no-color", "-refresh=false", "-lock=false", f"-var-file={file}",
        *(f"-var={name}={value}" for name, value in given.items()),
    )  # fmt: skip

    assert planned.code == 0, planned.out
    assert "Warning" not in planned.out, planned.out


def test_readme_has_examples_and_lists_every_variable_as_it_is() -> None:
    assert len(EXAMPLES) == 3
    assert (ROOT / "infra/README.md").read_text(encoding="utf-8") == page_with_table(ROOT / "infra"), (
        "run `make infra-inventory`"
    )


def test_everything_that_can_take_a_key_is_encrypted_with_the_deployments_own_key(options: Plan) -> None:
    bare = [
        resource.address
        for resource in options.resources
        if resource.type not in WITHOUT_KEY
        and KEY_ATTRIBUTES & set(_attributes(schemas.google().resources.get(resource.type, {})))
        and KEY not in _values(resource.values)
    ]

    assert bare == []


def test_agents_may_use_the_key_before_anything_is_made_with_it(options: Plan) -> None:
    users = {str(grant.values["member"]) for grant in options.of("kms_crypto_key_iam_member")}
    made_with_key = {
        resource.address.partition("[")[0]
        for resource in options.resources
        if KEY in _values(resource.values) and resource.type != "google_kms_crypto_key_iam_member"
    }

    assert {member.partition("@")[2].partition(".")[0] for member in users} == {
        "gcf-admin-robot", "gcp-sa-artifactregistry", "gcp-sa-firestore", "gcp-sa-workflows", "gs-project-accounts",
        "serverless-robot-prod",
    }  # fmt: skip
    assert all(member.startswith(f"serviceAccount:service-{NUMBER}@") for member in users)
    assert len(made_with_key) >= 9
    assert {one for one in made_with_key if "time_sleep.key" not in options.configuration[one]["depends_on"]} == set()


def test_project_joins_the_perimeter_after_everything_that_is_built(options: Plan) -> None:
    (joined,) = options.of("access_context_manager_service_perimeter_resource")
    after = options.configuration["google_access_context_manager_service_perimeter_resource.this"]["depends_on"]

    assert (joined.values["perimeter_name"], joined.values["resource"]) == (PERIMETER, f"projects/{NUMBER}")
    assert {"google_cloudfunctions2_function.this", "google_cloud_run_v2_service.stitcher"} <= set(after)


def test_apis_of_the_options_are_enabled_when_they_are_used(options: Plan, plan: Plan) -> None:
    def enabled(of: Plan) -> set[str]:
        return {str(one.values["service"]).partition(".")[0] for one in of.of("project_service")}

    assert enabled(options) - enabled(plan) == {"cloudkms", "accesscontextmanager"}


def _attributes(block: dict[str, Any]) -> Iterator[str]:
    yield from block.get("attributes", {})
    for nested in block.get("block_types", {}).values():
        yield from _attributes(nested["block"])


def _values(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value
