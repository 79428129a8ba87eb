"""Where a deployment is, and what Terraform is told about it.

Nothing about a deployment has to be remembered by a person: region and operators are read back from its state, and what
stands in ``infra/terraform.tfvars`` or the environment is left to Terraform.
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
    """A project, and what the operator asked for in it; empty where they asked for nothing."""

    project: str
    region: str
    operators: tuple[str, ...]
    """Addresses of people and service accounts, and groups as ``group:…``."""
    tag: str
    """What this deployment's images are called."""

    @property
    def state_bucket(self) -> str:
        return f"{self.project}-tfstate"

    def images(self, place: str) -> str:
        """The repository of the images, for a deployment in this region."""
        return f"{place}-docker.pkg.dev/{self.project}/promptreel"

    def terraform(self, *arguments: str) -> tuple[str, ...]:
        return ("terraform", f"-chdir={INFRA}", *arguments)

    def init(self) -> tuple[str, ...]:
        """Points Terraform at this project's state, whichever one it was used with before."""
        return self.terraform("init", "-reconfigure", f"-backend-config=bucket={self.state_bucket}")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the state of a project says: ``outputs`` by name, and every resource in it, with its values."""

    outputs: dict[str, Any]
    resources: tuple[dict[str, Any], ...]

    @classmethod
    def read(cls, target: Target, shell: Shell) -> "Deployed":
        """The state that Terraform was pointed at; empty before the first deployment."""
        if shell.dry_run:
            shell.ask(*target.terraform("show", "-json"), answer="state")
            return cls({}, ())
        values = json.loads(shell.ask(*target.terraform("show", "-json"), answer="state") or "{}").get("values") or {}
        outputs = {name: output["value"] for name, output in values.get("outputs", {}).items()}
        resources = values.get("root_module", {}).get("resources", [])
        return cls(outputs, tuple(one for one in resources if one["mode"] == "managed"))

    @property
    def region(self) -> str:
        """Where the deployment is, also when its first apply broke off; empty when there is none."""
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
    """Where the deployment is or will be. Raises: CommandFailed when the operator names another place than it is in."""
    if deployed.region and target.region not in {"", deployed.region}:
        raise CommandFailed(
            f"{target.project} is deployed in {deployed.region}. REGION={target.region} would delete and replace "
            "everything, images and data first: leave REGION out, or `make destroy` first"
        )
    return deployed.region or target.region or _setting("region") or DEFAULT_REGION


def variables(target: Target, deployed: Deployed, shell: Shell, **more: str) -> list[str]:
    """``-var`` arguments for everything that a person or the state decides; settings of their own stay theirs."""
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
    """Who is logged in: the impersonated service account, if there is one."""
    impersonated = impersonation(shell)
    return impersonated or shell.ask("gcloud", "config", "get-value", "account", answer="your account")


def impersonation(shell: Shell) -> str:
    if shell.dry_run:
        return ""
    return shell.ask("gcloud", "config", "get-value", "auth/impersonate_service_account", answer="impersonated account")


def _setting(name: str) -> str:
    """What terraform.tfvars or the environment sets a variable to, as written; empty when neither does."""
    given = os.environ.get(f"TF_VAR_{name}", "")
    for file in sorted(INFRA.glob("terraform.tfvars")) + sorted(INFRA.glob("*.auto.tfvars")):
        found = re.search(rf"^\s*{name}\s*=\s*(.+?)\s*$", file.read_text(encoding="utf-8"), re.MULTILINE)
        given = found[1].strip('"') if found else given
    return given
