"""Rules about the configuration itself: versions, state, source, variables and outputs."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tests.infra.policy import declared
from tests.infra.policy.rules import rule
from tests.infra.policy.services import url_of
from tools.terraform.plan import PROJECT, REGION, VARIABLES, Plan
from tools.terraform.terraform import ROOT

UNPACKED = {"**/__pycache__", "**/*.pyc", "**/.*", "**/*.egg-info", "**/node_modules"}
"""Files that a checkout may hold beside its source; a fresh one has none, so the exclusion is tested here."""


@rule
def versions_are_pinned(plan: Plan) -> Iterator[str]:
    text = _without_comments(plan.text("versions.tf"))
    for name, version in (("google", "~> 8.7"), ("archive", "~> 2.7"), ("time", "~> 0.13")):
        if not re.search(rf'{name} = {{\s+source\s+= "hashicorp/{name}"\s+version = "{re.escape(version)}"', text):
            yield f"{name} is not pinned to {version}"
    if not re.search(r'required_version = ">= 1\.9"', text):
        yield "required_version is not >= 1.9"


@rule
def state_bucket_is_named_at_init(plan: Plan) -> Iterator[str]:
    backend = re.search(r'backend "gcs" {([^}]*)}', _without_comments(plan.text("versions.tf")))
    if backend is None or re.sub(r"\s", "", backend[1]) != 'prefix="promptreel"':
        yield "the backend is not gcs with a prefix and nothing else"


@rule
def every_variable_is_described_typed_and_validated(plan: Plan) -> Iterator[str]:
    for name, body in re.findall(r'^variable "(\w+)" {\n(.*?)^}', plan.text("variables.tf"), re.MULTILINE | re.DOTALL):
        for part in ("description", "type"):
            if not re.search(rf"^  {part}\s+= ", body, re.MULTILINE):
                yield f"variable {name} has no {part}"
        if "  validation {" not in body and not re.search(r"type += bool$", body, re.MULTILINE):
            yield f"variable {name} has no validation"
        if ("  default" in body) == (name in {"operators", "project"}):
            yield f"variable {name}: only project and operators are required"


@rule
def mentioned_environment_variables_exist(plan: Plan) -> Iterator[str]:
    known = declared.settings() | declared.client_settings()
    texts = {file.name: file.read_text(encoding="utf-8") for file in plan.infra.glob("*.tf")}
    texts |= {page: (ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("deploy.md", "runbook.md")}
    for where, text in texts.items():
        unknown = set(re.findall(r"\bPROMPTREEL_[A-Z_]+\b", text)) - known
        if unknown:
            yield f"{where}: no setting is called {sorted(unknown)}"


@rule
def source_is_exactly_the_functions_folder(plan: Plan) -> Iterator[str]:
    (source,) = plan.of("storage_bucket_object")
    digest = re.fullmatch(r"functions-([0-9a-f]{64})\.zip", str(source.values.get("name")))
    if digest is None or source.values.get("bucket") != f"{PROJECT}-source":
        yield f"the source is {source.values.get('name')} in {source.values.get('bucket')}"
    if source.values.get("source") != "./build/functions.zip":
        yield f"the source is packed into {source.values.get('source')}, which Git does not ignore"
    packing = plan.configuration["data.archive_file.functions"]["expressions"]
    if packing.get("output_file_mode", {}).get("constant_value") != "0644":
        yield "the checkout's file modes would change the digest"
    if set(packing.get("excludes", {}).get("constant_value") or ()) != UNPACKED:
        yield f"left out of the source: {packing.get('excludes')}"
    packed = members(plan.infra / "build/functions.zip")
    wanted = {
        path.relative_to(ROOT / "functions").as_posix()
        for path in (ROOT / "functions").rglob("*")
        if path.is_file() and not any(part[0] in "._" and part.strip("_.") in _CACHES for part in path.parts)
    }
    if packed != wanted:
        yield f"missing {sorted(wanted - packed)}, unexpected {sorted(packed - wanted)}"
    for function in plan.of("cloudfunctions2_function"):
        stored = function.block("build_config", "source", "storage_source")
        if (stored.get("bucket"), stored.get("object")) != (source.values.get("bucket"), source.values.get("name")):
            yield f"{function.address} is built from {stored}"
    with zipfile.ZipFile(plan.infra / "build/functions.zip") as archive:
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}
    if modes != {0o644}:
        yield f"files are packed with modes {modes}: other machines would produce another digest"


@rule
def outputs_match_the_list(plan: Plan) -> Iterator[str]:
    console = "https://console.cloud.google.com"
    wanted = {
        "api_url": url_of("api"),
        "buckets": {name: f"gs://{PROJECT}-{name}" for name in ("artifacts", "prompts", "results", "uploads")},
        "console": {
            "alerts": f"{console}/monitoring/alerting?project={PROJECT}",
            "dashboard": f"{console}/monitoring/dashboards?project={PROJECT}",
            "executions": f"{console}/workflows/workflow/{REGION}/film/executions?project={PROJECT}",
            "jobs": f"{console}/firestore/databases/-default-/data/panel/jobs?project={PROJECT}",
            "logs": f"{console}/logs/query?project={PROJECT}",
        },
        "deployed": {name: VARIABLES[name] for name in ("stitcher_image", "studio_image")},
        "deployment": {"region": REGION, "operators": VARIABLES["operators"]},
        "source_bucket": f"gs://{PROJECT}-source",
        "images": f"{REGION}-docker.pkg.dev/{PROJECT}/promptreel",
        "studio_url": url_of("studio"),
        "workflow": "film",
    }
    for name in wanted.keys() | plan.outputs.keys():
        if plan.outputs.get(name) != wanted.get(name):
            yield f"output {name} is {plan.outputs.get(name)!r}"


_CACHES = {"pycache", "mypy_cache", "ruff_cache", "pytest_cache", "DS_Store"}


def members(archive: Path) -> set[str]:
    with zipfile.ZipFile(archive) as opened:
        return set(opened.namelist())


def _without_comments(text: str) -> str:
    return re.sub(r"^\s*(#|//).*$", "", text, flags=re.MULTILINE)
