"""Options that most deployments leave out: the examples of infra/README.md, a customer-managed key, a perimeter."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.access_table import REPLICATE_TABLE, TABLE, lines
from tests.infra.altered_plan import AlteredPlan, Edit, add_resource, set_value
from tests.infra.policy import access
from tests.infra.policy.options import OPTIONS, faults_of_options
from tools.terraform.plan import PROJECT, VARIABLES, Plan
from tools.terraform.terraform import ROOT, Workspace, workspace
from tools.terraform.variables_table import page_with_table

EXAMPLES = re.findall(r"```hcl\n(.*?)```", (ROOT / "infra/README.md").read_text(encoding="utf-8"), re.DOTALL)
API, SUBMIT = (f'google_cloudfunctions2_function.this["{name}"]' for name in ("api", "submit_clip"))
TOKEN = {"key": "PROMPTREEL_REPLICATE_TOKEN", "project_id": PROJECT, "secret": "replicate", "version": "3"}
FROM_MAKE_DEPLOY = ("project", "region", "billing_account", "stitcher_image", "studio_image")

FAILING_EXAMPLES: list[Edit] = [
    set_value('google_storage_bucket.this["artifacts"]', "encryption", []),
    set_value("google_firestore_database.this", "cmek_config.kms_key_name", "projects/other"),
    set_value("google_cloud_run_v2_service.studio", "template.encryption_key", None),
    set_value('google_kms_crypto_key_iam_member.uses_key["storage"]', "member", "allUsers"),
    set_value("time_sleep.key[*", "create_duration", "1s"),
    set_value("google_access_context_manager_service_perimeter_resource.this[*", "resource", "projects/1"),
    lambda altered: altered.configured("google_workflows_workflow.film").pop("depends_on"),
    lambda altered: altered.configured("time_sleep.key").pop("depends_on"),
    lambda altered: altered.configured("google_access_context_manager_service_perimeter_resource.this").pop(
        "depends_on"
    ),
    lambda altered: altered.drop('google_project_service.this["cloudkms.googleapis.com"]'),
    lambda altered: altered.drop('google_project_service.this["secretmanager.googleapis.com"]'),
    set_value(SUBMIT, "service_config.environment_variables.PROMPTREEL_REPLICATE", "off"),
    set_value(SUBMIT, "service_config.secret_environment_variables", []),
    set_value(SUBMIT, "service_config.secret_environment_variables.version", "4"),
    set_value(API, "service_config.secret_environment_variables", [TOKEN]),
    lambda altered: altered.configured("time_sleep.grants").pop("depends_on"),
    add_resource("secret_manager_secret", secret_id="replicate"),
]


@pytest.fixture(scope="module")
def own() -> Iterator[Workspace]:
    with workspace() as place:
        yield place


@pytest.fixture(scope="module")
def options(own: Workspace) -> Plan:
    return Plan(own.plan(OPTIONS), own.infra)


def test_key_and_perimeter_cover_every_resource_when_an_organization_sets_them(options: Plan) -> None:
    assert list(faults_of_options(options)) == []


def test_grants_are_exactly_those_of_both_tables_when_replicate_is_on(options: Plan) -> None:
    of_the_key = {grant for grant in access.grants(options) if "cryptoKey" in grant}

    assert access.grants(options) - of_the_key == lines(TABLE) | lines(REPLICATE_TABLE)


@pytest.mark.parametrize("number", range(len(FAILING_EXAMPLES)))
def test_options_report_a_fault_for_each_failing_example(options: Plan, tmp_path: Path, number: int) -> None:
    parts = {part: options.document[part] for part in ("configuration", "planned_values")}
    altered = AlteredPlan(json.loads(json.dumps(parts)), options.infra, tmp_path / "copy")
    FAILING_EXAMPLES[number](altered)

    assert list(faults_of_options(Plan(altered.document, altered.infra)))


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_of_the_readme_is_planned_without_warnings(own: Workspace, options: Plan, number: int) -> None:
    file = own.folder / f"example-{number}.tfvars"
    file.write_text(EXAMPLES[number], encoding="utf-8")
    given = {name: VARIABLES[name] for name in FROM_MAKE_DEPLOY} | {"operators": '["ops@example.com"]'}

    planned = own.run(
        "plan", "-no-color", "-refresh=false", "-lock=false", f"-var-file={file}",
        *(f"-var={name}={value}" for name, value in given.items()),
    )  # fmt: skip

    assert planned.code == 0, planned.out
    assert "Warning" not in planned.out, planned.out


def test_readme_has_examples_and_lists_every_variable_as_it_is() -> None:
    assert len(EXAMPLES) == 4
    assert (ROOT / "infra/README.md").read_text(encoding="utf-8") == page_with_table(ROOT / "infra"), (
        "run `make infra-inventory`"
    )
