"""Where a deployment is, and what Terraform is told about it."""

import json
from dataclasses import dataclass

from infra.operate.shell import INFRA, Shell


@dataclass(frozen=True, slots=True)
class Target:
    project: str
    region: str
    operators: tuple[str, ...]
    """E-mail addresses; empty for the person who is logged in."""
    tag: str
    """What this deployment's images are called."""

    @property
    def state_bucket(self) -> str:
        return f"{self.project}-tfstate"

    @property
    def images(self) -> str:
        return f"{self.region}-docker.pkg.dev/{self.project}/promptreel"

    def terraform(self, *arguments: str) -> tuple[str, ...]:
        return ("terraform", f"-chdir={INFRA}", *arguments)

    def variables(self, shell: Shell, **more: str) -> list[str]:
        """``-var`` arguments: nobody has to write a file of variables."""
        operators = list(self.operators) or [
            shell.ask("gcloud", "config", "get-value", "account", answer="your account")
        ]
        billing = shell.ask(
            "gcloud", "billing", "projects", "describe", self.project,
            "--format=value(billingAccountName.basename())", answer="billing account",
        )  # fmt: skip
        values = {
            "project": self.project,
            "region": self.region,
            "operators": json.dumps(operators),
            "billing_account": billing,
            **more,
        }
        return [f"-var={name}={value}" for name, value in values.items()]
