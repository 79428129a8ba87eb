"""Defects, one edit each: what a tired person might do to the configuration, made by the hundred.

Each kind is a pattern and what it becomes. Words for people (descriptions, titles) are left alone: they change nothing.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOR_PEOPLE = re.compile(r"^\s*(description|display_name|title|error_message|displayName)\s*=")
# Edits that change nothing: file and edit.
_EQUIVALENT = {
    ("stitcher.tf", 'member   = google_service_account.this["workflow"].member'),  # who else calls the stitcher?
}
_ATTRIBUTE = re.compile(r"^(\s{2,})([a-z_]+)(\s*= .*[^{\[(]|\s*= \{.*\}|\s*= \[.*\])$")
_BLOCK = re.compile(r"^(\s*)(?:dynamic )?\"?([a-z_]+)\"? (\"[^\"]+\" )*\{$")


@dataclass(frozen=True, slots=True)
class Mutant:
    kind: str
    file: str
    """From the configuration's folder."""
    line: int
    """Counted from 1; 0 for an addition."""
    text: str
    """The whole file, changed."""
    edit: str


def mutants(infra: Path) -> list[Mutant]:
    """All of them, in a stable order."""
    found: list[Mutant] = []
    for file in sorted(infra.glob("*.tf")):
        if not file.name.startswith("zz_"):
            found += _of_text(file.name, file.read_text(encoding="utf-8"))
    for name in ("access", "queues", "services", "metrics"):
        file = infra / "config" / f"{name}.json"
        found += _of_json(f"config/{name}.json", json.loads(file.read_text(encoding="utf-8")))
    found += _additions((infra / "identity.tf").read_text(encoding="utf-8"))
    return [mutant for mutant in found if (mutant.file, mutant.edit) not in _EQUIVALENT]


def _of_text(name: str, text: str) -> Iterator[Mutant]:
    lines = text.split("\n")
    for index, line in enumerate(lines):
        if line.lstrip().startswith("#") or _FOR_PEOPLE.match(line):
            continue
        for kind, changed in _line_edits(line):
            yield Mutant(
                kind,
                name,
                index + 1,
                "\n".join([*lines[:index], *changed, *lines[index + 1 :]]),
                " ".join(changed).strip() or f"- {line.strip()}",
            )
        block = _BLOCK.match(line)
        if block and block[2] not in {"locals", "content", "variable", "output"}:
            end = next(at for at in range(index, len(lines)) if lines[at] == f"{block[1]}}}")
            changed_text = "\n".join([*lines[:index], *lines[end + 1 :]])
            yield Mutant("removed block", name, index + 1, changed_text, f"- {line.strip()}")


_SWAPS: tuple[tuple[str, str, str], ...] = (
    ("flipped", r"\btrue\b", "false"),
    ("flipped", r"\bfalse\b", "true"),
    ("public", r"ALLOW_INTERNAL_ONLY", "ALLOW_ALL"),
    ("public", r"INGRESS_TRAFFIC_INTERNAL_ONLY", "INGRESS_TRAFFIC_ALL"),
    ("public", r'"enforced"', '"inherited"'),
    ("public", r"(member\s+= ).*", r'\1"allUsers"'),
    ("public", r"\[local\.urls\.studio\]", '["*"]'),
    ("grant", r'"roles/[\w.]+"', '"roles/editor"'),
    ("grant", r"roles/storage\.objectViewer", "roles/storage.admin"),
    ("grant", r"(\.member|\.email|\.id|\.name)$", r".unique_id"),
    ("account", r'google_service_account\.this\["(\w+)"\]', 'google_service_account.this["api"]'),
    ("account", r"google_service_account\.this\[each\.key\]", 'google_service_account.this["workflow"]'),
    ("account", r"google_service_account\.this\[each\.value\.\w+\]", 'google_service_account.this["workflow"]'),
    ("account", r"(service_account(?:_email)?\s+= ).*", r"\1null"),
    ("protection", r'"PREVENT"', '"DELETE"'),
    ("protection", r"DELETE_PROTECTION_ENABLED", "DELETE_PROTECTION_DISABLED"),
    ("protection", r"POINT_IN_TIME_RECOVERY_ENABLED", "POINT_IN_TIME_RECOVERY_DISABLED"),
    ("protection", r"(deletion_protection\s+= )var\.protected", r"\1false"),
    ("log level", r"LOG_ERRORS_ONLY", "LOG_ALL_CALLS"),
    ("log level", r"LOG_ERRORS_ONLY", "LOG_NONE"),
    ("version", r'"~> (\d)\.\d"', r'">= \1.0"'),
    ("version", r'">= 1\.9"', '">= 0.12"'),
    ("version", r"@sha256:\[0-9a-f\]\{64\}\$", "$"),
    ("version", r"(version\s+= )var\.\w+", r'\1"latest"'),
    ("reference", r"var\.region\b", '"europe-west1"'),
    ("reference", r"var\.project\b", "var.environment"),
    ("reference", r"\beach\.key\b", '"api"'),
    ("reference", r"google_storage_bucket\.source\.", 'google_storage_bucket.this["artifacts"].'),
    ("reference", r"\.stitcher\.name", ".studio.name"),
    ("reference", r"local\.urls\.\w+", "local.urls.stitcher"),
    ("reference", r"metric_types\.(\w+)", "metric_types.polls"),
    ("reference", r'google_storage_bucket\.this\["artifacts"\]', 'google_storage_bucket.this["prompts"]'),
    ("alert", r"\[for channel in .*\]", "[]"),
    ("alert", r"COMPARISON_GT", "COMPARISON_LT"),
    ("label", r'"promptreel"$', '"other"'),
    ("duration", r'"(\d+)s"', r'"\g<1>0s"'),
    ("duration", r'"(\d+)s"', r'"\g<1>"'),
    ("number", r"(?<![\w.\"\-/])(\d+)(?![\w.\"/])", r"\g<1>7"),
    ("number", r'(cpu\s+= )"\d+"', r'\1"8"'),
    ("size", r'"(\d+)(Mi|Gi)"', r'"\g<1>0\2"'),
    ("size", r'"(\d+)Gi"', r'"\1GB"'),
    ("trigger", r'"(type|bucket)"$', '"subject"'),
    ("constant", r"\bSTRING\b", "INT64"),
    ("constant", r'"(ALIGN_\w+|REDUCE_\w+)"', '"ALIGN_NONE"'),
    ("constant", r'"(ASCENDING|DESCENDING)"', '"ARRAY"'),
    ("constant", r'"COLLECTION(_GROUP)?"', '"COLLECTION_RECURSIVE"'),
    ("constant", r'"(Delete|AbortIncompleteMultipartUpload)"', '"Remove"'),
    ("constant", r'"DELETE"$', '"KEEP"'),
    ("constant", r"DEFAULT|DELTA", "GAUGE"),
    ("constant", r"googleapis\.com\"(,?)$", r'googleapis.org"\1'),
    ("shortened list", r'\["[^"]+", ', "["),
    ("condition", r"resource\.name ==", "resource.name !="),
    ("condition", r"(condition\s+= ).*", r"\1true"),
    ("condition", r"\$\{", "$${"),
)


def _line_edits(line: str) -> Iterator[tuple[str, list[str]]]:
    attribute = _ATTRIBUTE.match(line)
    if attribute:
        indent, name, rest = attribute.groups()
        yield "misspelt", [f"{indent}{name}x{rest}"]
        yield "removed line", []
    elif re.match(r'^\s+"[\w.]+googleapis\.com",$', line) or re.match(r"^\s+google_\w+\.\w+,$", line):
        yield "removed line", []
    seen = {line}
    for kind, pattern, replacement in _SWAPS:
        changed = re.sub(pattern, replacement, line, count=1)
        if changed not in seen:
            seen.add(changed)
            yield kind, [changed]


def _of_json(name: str, document: dict[str, Any]) -> Iterator[Mutant]:
    for path, value in list(_paths(document)):
        if "comment" in path or "description" in path or any(str(part).startswith("local_") for part in path):
            continue
        for kind, changed in _value_edits(value):
            yield Mutant(
                f"config {kind}",
                name,
                0,
                json.dumps(_with(document, path, changed)),
                f"{'/'.join(map(str, path))} = {changed!r}",
            )
        yield Mutant(
            "config removed", name, 0, json.dumps(_with(document, path, _GONE)), f"- {'/'.join(map(str, path))}"
        )


def _value_edits(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, bool):
        yield "flipped", not value
    elif isinstance(value, int):
        yield "number", value * 10 + 7
    elif isinstance(value, str):
        yield "text", f"{value}x"
    elif isinstance(value, list) and all(isinstance(one, str) for one in value):
        another = "sign" if "database" in value else "scheduler" if "workflow" in value else "workflow"
        yield "extra", [*value, another]


_GONE = object()


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if path:
        yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _paths(inner, (*path, index))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a document with one place changed or gone."""
    head, *rest = path
    if rest:
        change: Callable[[Any], Any] = lambda inner: _with(inner, tuple(rest), value)  # noqa: E731 - one of two
    else:
        change = lambda _: value  # noqa: E731
    items = document.items() if isinstance(document, dict) else enumerate(document)
    changed = [(key, change(inner) if key == head else inner) for key, inner in items]
    kept = [(key, inner) for key, inner in changed if inner is not _GONE]
    return dict(kept) if isinstance(document, dict) else [inner for _, inner in kept]


_ADDED = {
    "extra grant on the project": (
        'resource "google_project_iam_member" "extra" {\n  project = var.project\n  role = "roles/run.invoker"\n'
        '  member = google_service_account.this["api"].member\n}'
    ),
    "basic role": (
        'resource "google_project_iam_member" "extra" {\n  project = var.project\n  role = "roles/owner"\n'
        '  member = "user:ops@example.com"\n}'
    ),
    "authoritative binding": (
        'resource "google_project_iam_binding" "extra" {\n  project = var.project\n  role = "roles/run.invoker"\n'
        '  members = [google_service_account.this["workflow"].member]\n}'
    ),
    "public bucket": (
        'resource "google_storage_bucket_iam_member" "extra" {\n'
        '  bucket = google_storage_bucket.this["artifacts"].name\n'
        '  role = "roles/storage.objectViewer"\n  member = "allUsers"\n}'
    ),
    "public service": (
        'resource "google_cloud_run_v2_service_iam_member" "extra" {\n  location = var.region\n  name = "api"\n'
        '  role = "roles/run.invoker"\n  member = "allAuthenticatedUsers"\n}'
    ),
    "account key": (
        'resource "google_service_account_key" "extra" {\n'
        '  service_account_id = google_service_account.this["api"].name\n}'
    ),
    "secret in the state": (
        'resource "google_secret_manager_secret_version" "extra" {\n'
        '  secret = "projects/p/secrets/s"\n  secret_data = "hush"\n}'
    ),
    "another queue": ('resource "google_cloud_tasks_queue" "extra" {\n  name = "extra"\n  location = var.region\n}'),
    "bucket without rules": (
        'resource "google_storage_bucket" "extra" {\n  name = "${var.project}-extra"\n  location = var.region\n}'
    ),
    "another account": 'resource "google_service_account" "extra" {\n  account_id = "film-extra"\n}',
    "signing as somebody else": (
        'resource "google_service_account_iam_member" "extra" {\n'
        '  service_account_id = google_service_account.this["stitcher"].name\n'
        '  role = "roles/iam.serviceAccountTokenCreator"\n  member = google_service_account.this["api"].member\n}'
    ),
    "output of a secret": 'output "extra" {\n  value = var.operators\n}',
}


def _additions(text: str) -> Iterator[Mutant]:
    for edit, added in _ADDED.items():
        yield Mutant("added", "identity.tf", 0, f"{text}\n{added}\n", edit)
