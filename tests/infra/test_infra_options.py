"""Options that most deployments leave out: the examples of infra/README.md, a key of one's own, a perimeter."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.draft import Draft, Edit, to
from tests.infra.policy.options import OPTIONS, faults_of_options
from tests.infra.policy.plan import VARIABLES, Plan
from tests.infra.variables_table import page_with_table
from tools.terraform.terraform import ROOT, Workspace, workspace

EXAMPLES = re.findall(r"```hcl\n(.*?)```", (ROOT / "infra/README.md").read_text(encoding="utf-8"), re.DOTALL)
FROM_MAKE_DEPLOY = ("project", "region", "billing_account", "stitcher_image", "studio_image")

BREAKS: list[Edit] = [
    to('google_storage_bucket.this["artifacts"]', "encryption", []),
    to("google_firestore_database.this", "cmek_config.kms_key_name", "projects/other"),
    to("google_cloud_run_v2_service.studio", "template.encryption_key", None),
    to('google_kms_crypto_key_iam_member.uses_key["storage"]', "member", "allUsers"),
    to("time_sleep.key[*", "create_duration", "1s"),
    to("google_access_context_manager_service_perimeter_resource.this[*", "resource", "projects/1"),
    lambda draft: draft.configured("google_workflows_workflow.film").pop("depends_on"),
    lambda draft: draft.configured("time_sleep.key").pop("depends_on"),
    lambda draft: draft.configured("google_access_context_manager_service_perimeter_resource.this").pop("depends_on"),
    lambda draft: draft.drop('google_project_service.this["cloudkms.googleapis.com"]'),
]


@pytest.fixture(scope="module")
def own() -> Iterator[Workspace]:
    with workspace() as place:
        yield place


@pytest.fixture(scope="module")
def options(own: Workspace) -> Plan:
    return Plan(own.plan(OPTIONS), own.infra)


def test_key_and_perimeter_hold_everything_when_an_organization_gives_them(options: Plan) -> None:
    assert list(faults_of_options(options)) == []


@pytest.mark.parametrize("number", range(len(BREAKS)))
def test_fault_of_the_options_is_noticed_when_one_is_made(options: Plan, tmp_path: Path, number: int) -> None:
    parts = {part: options.document[part] for part in ("configuration", "planned_values")}
    draft = Draft(json.loads(json.dumps(parts)), options.infra, tmp_path / "copy")
    BREAKS[number](draft)

    assert list(faults_of_options(Plan(draft.document, draft.infra)))


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_of_the_readme_can_be_planned(own: Workspace, options: Plan, number: int) -> None:
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
    assert len(EXAMPLES) == 3
    assert (ROOT / "infra/README.md").read_text(encoding="utf-8") == page_with_table(ROOT / "infra"), (
        "run `make infra-inventory`"
    )
