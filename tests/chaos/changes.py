"""What changes in a deployment while jobs run: prompt templates, a retired model, documents of other versions."""

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from localcloud.tests.waiting import eventually
from localstack.deployment import Deployment
from tests.chaos import faults
from tests.chaos.history import History
from tests.chaos.killer import Killer
from tests.chaos.plan import Plan
from tests.chaos.recordings import RecordedJob
from tests.e2e.stack import ROOT, Stack

PACKAGE = ROOT / "functions" / "promptreel"
# A word of every template in domain/prompts.py, and the word of the next release.
NEW_WORDS: Mapping[str, str] = {
    "Plan a film of ": "Plan a whole film of ",
    "picture of a film scene": "picture of one film scene",
    "Style: ": "Look of the film: ",
    "Advice: ": "Advice to follow: ",
    "What film does this ask for?": "Which film does this ask for?",
}


def copy_package(release: Path) -> None:
    """Copy the product's package into this folder: a later release is deployed to it."""
    shutil.rmtree(release, ignore_errors=True)
    shutil.copytree(PACKAGE, release / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))


def environment(release: Path) -> dict[str, str]:
    """What a program needs in its environment to run the copy."""
    return {"PYTHONPATH": str(release)}


def change_templates(release: Path) -> None:
    """Change a word of every prompt template in the copy. Raises: ValueError for a template that has other words."""
    file = release / PACKAGE.name / "domain" / "prompts.py"
    source = file.read_text(encoding="utf-8")
    for old, new in NEW_WORDS.items():
        if old not in source:
            raise ValueError(f"{file.name} has no {old!r}")
        source = source.replace(old, new)
    changed = file.with_suffix(".new")
    changed.write_text(source, encoding="utf-8")
    changed.replace(file)  # a function that starts right now reads the old words or the new ones


@dataclass(slots=True)
class Changes:
    """Makes each change of the plan once, right before its kill."""

    stack: Stack
    killer: Killer
    history: History
    release: Path
    recorded: Sequence[RecordedJob]
    plan: Plan
    functions: Sequence[str]
    """The functions that are restarted with new templates."""
    made: list[str] = field(default_factory=list)
    documents_are_stored: threading.Event = field(default_factory=threading.Event)

    def make_due(self, kill: int) -> None:
        """Make the changes that come before this kill."""
        kinds: Mapping[str, Callable[[], None]] = {
            "templates": self._deploy_templates,
            "retirement": self._retire_model,
            "documents": self._store_documents,
        }
        for change in self.plan.changes:
            if change.before_kill <= kill and change.kind not in self.made:
                kinds[change.kind]()
                self.made.append(change.kind)

    def wait_for_documents(self, is_over: Callable[[], bool]) -> None:
        """Return once the recorded documents are in the database, or when it is over."""
        while not self.documents_are_stored.wait(0.5) and not is_over():
            pass

    def make_all(self) -> None:
        """Make the changes for which no kill came."""
        self.make_due(max((change.before_kill for change in self.plan.changes), default=0))

    def _deploy_templates(self) -> None:
        change_templates(self.release)
        self.killer.restart(self.functions)
        self.history.note("change", f"new prompt templates in {', '.join(self.functions)}")

    def _retire_model(self) -> None:
        eventually(self._order_retirement, "the retirement of a model")
        self.history.note("change", f"{self.plan.retired} is retired")

    def _order_retirement(self) -> bool:
        try:
            self.stack.vertex("POST", "faults", faults.retirement(self.plan.retired))
        except httpx.HTTPError:  # it was just killed
            return False
        return True

    def _store_documents(self) -> None:
        for job in self.recorded:
            job.store(self.stack)
            self.history.note("change", f"documents of another version: {job.recording.moment} {job.job_id}")
        self.documents_are_stored.set()


def functions_of_the_deployment() -> list[str]:
    services = Deployment.read(ROOT / "infra" / "config").services
    return [service.name for service in services if service.is_function]
