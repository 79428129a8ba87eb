"""The real Terraform, run offline over a copy of the checkout's infra folder.

Each command runs in its own process, because Terraform as a library ends its process.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.terraform import provider

ROOT = Path(__file__).parents[2]
INPUTS = ("docs", "functions", "workflows")
"""Folders that the configuration also reads."""

# Overrides the real backend, which is still validated: a plan would need the state's bucket.
_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    """Standard output, then standard error."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A copy of the configuration in which Terraform runs; it may be changed."""

    folder: Path
    """Holds ``infra`` and, as links, what it reads."""
    providers: str

    @property
    def infra(self) -> Path:
        return self.folder / "infra"

    def run(self, *arguments: str, timeout_s: float = 120) -> Ran:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "GOOGLE_"))}
        environment |= {
            "TF_REATTACH_PROVIDERS": self.providers,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_DATA_DIR": str(self.folder / "terraform-data"),
            "CHECKPOINT_DISABLE": "1",
            "GOGC": "1000",  # fewer garbage collections save a fifth of the time
        }
        done = subprocess.run(
            [sys.executable, str(ROOT / "infra/operate/terraform.py"), *arguments],
            cwd=self.infra,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
        return Ran(done.returncode, done.stdout + done.stderr)

    def plan(self, variables: dict[str, Any]) -> dict[str, Any]:
        """The plan as JSON. Raises: PlanFailed."""
        (self.infra / "zz_override.tf").write_text(_LOCAL_STATE, encoding="utf-8")
        values = self.folder / "values.tfvars.json"
        values.write_text(json.dumps(variables), encoding="utf-8")
        saved = str(self.folder / "plan.bin")
        commands: list[tuple[str, ...]] = [
            ("plan", "-no-color", "-refresh=false", "-lock=false", f"-var-file={values}", f"-out={saved}")
        ]
        if not (self.folder / "terraform-data").exists():
            commands.insert(0, ("init", "-no-color"))
        for command in commands:
            ran = self.run(*command)
            if ran.code:
                raise PlanFailed(ran.out)
        shown = self.run("show", "-json", saved)
        if shown.code:
            raise PlanFailed(shown.out)
        plan: dict[str, Any] = json.loads(shown.out)
        return plan


def library(arguments: list[str]) -> int:
    """Run Terraform in the current folder; it may change files."""
    command = [sys.executable, str(ROOT / "infra/operate/terraform.py"), *arguments]
    return subprocess.run(command, env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull}, check=False).returncode


class PlanFailed(Exception):
    """Terraform refused the configuration; the message is its output."""


@contextmanager
def workspace(root: Path = ROOT) -> Iterator[Workspace]:
    """A copy of a checkout's configuration, with the stand-ins of all providers running."""
    with tempfile.TemporaryDirectory(prefix="tf-") as name:  # short: a socket's path ends after 107 bytes
        folder = Path(name)
        unwanted = shutil.ignore_patterns(".terraform*", "*.tfstate*", "build", "__pycache__")
        shutil.copytree(root / "infra", folder / "infra", ignore=unwanted)
        for linked in INPUTS:
            (folder / linked).symlink_to(root / linked)
        with provider.serving(folder, os.getpid()) as providers:
            yield Workspace(folder, providers)
