"""Where a deployment is, and the variables that Terraform gets for it.

Region and operators of an existing deployment come from its state. Variables that ``infra/terraform.tfvars`` or the
environment sets are left to Terraform.
"""

import json
import os
import re
from dataclasses import dataclass
from typing import Any

from infra.operate.shell import INFRA, CommandFailed, Shell

DEFAULT_REGION = "us-central1"
SERVICE_ACCOUNT = ".gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class Target:
    """A project, and the operator's options, empty where none were given."""

    project: str
    region: str
    operators: tuple[str, ...]
    """Addresses of people and service accounts, and groups as ``group:…``."""
    tag: str
    """The tag of this deployment's images."""

    @property
    def state_bucket(self) -> str:
        return f"{self.project}-tfstate"

    def images(self, place: str) -> str:
        """The repository of the images, for a deployment in this region."""
        return f"{place}-docker.pkg.dev/{self.project}/promptreel"

    def terraform(self, *arguments: str) -> tuple[str, ...]:
        return ("terraform", f"-chdir={INFRA}", *arguments)

    def init(self) -> tuple[str, ...]:
        """The command that makes Terraform use this project's state."""
        return self.terraform("init", "-reconfigure", f"-backend-config=bucket={self.state_bucket}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A project's state: ``outputs`` by name, and every resource with its values."""

    outputs: dict[str, Any]
    resources: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, target: Target, shell: Shell) -> "Deployed":
        """Read the state that `Target.init` chose; empty before the first deployment."""
        if shell.dry_run:
            shell.ask(*target.terraform("show", "-json"), answer="state")
            return cls({}, ())
        values = json.loads(shell.ask(*target.terraform("show", "-json"), answer="state") or "{}").get("values") or {}
        outputs = {name: output["value"] for name, output in values.get("outputs", {}).items()}
        resources = values.get("root_module", {}).get("resources", [])
        return cls(outputs, tuple(one for one in resources if one["mode"] == "managed"))

    @property
    def region(self) -> str:
        """The deployment's region, even if its first apply failed; empty without a deployment."""
        if "deployment" in self.outputs:
            return str(self.outputs["deployment"]["region"])
        kinds = {"google_artifact_registry_repository", "google_cloud_tasks_queue", "google_workflows_workflow"}
        found = (one["values"] for one in self.resources if one["type"] in kinds)
        return next((str(values.get("location") or values.get("region")) for values in found), "")

    @property
    def operators(self) -> tuple[str, ...]:
        return tuple(self.outputs.get("deployment", {}).get("operators", ()))

    @property
    def buckets(self) -> list[str]:
        return [f"gs://{one['values']['name']}" for one in self.resources if one["type"] == "google_storage_bucket"]


def region(target: Target, deployed: Deployed) -> str:
    """The region that the deployment has or will have.

    Raises:
        CommandFailed: the operator names another region than that of the deployment.
    """
    if deployed.region and target.region not in {"", deployed.region}:
        raise CommandFailed(
            f"{target.project} is deployed in {deployed.region}. REGION={target.region} would delete and replace "
            "everything, images and data first: leave REGION out, or `make destroy` first"
        )
    return deployed.region or target.region or _setting("region") or DEFAULT_REGION


def variables(target: Target, deployed: Deployed, shell: Shell, **more: str) -> list[str]:
    """``-var`` arguments from the options and the state, except for variables that the operator has set elsewhere."""
    values = {"project": target.project, "region": region(target, deployed)}
    operators = target.operators or (() if _setting("operators") else deployed.operators)
    if not operators and not _setting("operators"):
        operators = (account(shell),)
    if operators:
        values["operators"] = json.dumps(list(operators))
    if not _setting("billing_account"):
        values["billing_account"] = shell.ask(
            "gcloud", "billing", "projects", "describe", target.project,
            "--format=value(billingAccountName.basename())", answer="billing account",
        )  # fmt: skip
    return [f"-var={name}={value}" for name, value in (values | more).items()]


def account(shell: Shell) -> str:
    """The account in use: the impersonated service account, or else the one that is logged in."""
    impersonated = impersonation(shell)
    return impersonated or shell.ask("gcloud", "config", "get-value", "account", answer="your account")


def impersonation(shell: Shell) -> str:
    if shell.dry_run:
        return ""
    return shell.ask("gcloud", "config", "get-value", "auth/impersonate_service_account", answer="impersonated account")


def _setting(name: str) -> str:
    """A variable's value in terraform.tfvars or the environment, as written; empty if neither sets it."""
    given = os.environ.get(f"TF_VAR_{name}", "")
    for file in sorted(INFRA.glob("terraform.tfvars")) + sorted(INFRA.glob("*.auto.tfvars")):
        found = re.search(rf"^\s*{name}\s*=\s*(.+?)\s*$", file.read_text(encoding="utf-8"), re.MULTILINE)
        given = found[1].strip('"') if found else given
    return given
