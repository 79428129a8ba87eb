"""Make google-schema.json, the schema of Google's provider, from a package of generated bindings.

Run by hand after an upgrade of the provider: ``python -m tools.terraform.extract_schema WHEEL`` with the wheel of
``cdktn-provider-google``. The provider itself does not run offline; its bindings keep nearly all of its schema.
Missing: conflicts between arguments, sensitive and write-only flags, most defaults, upper bounds above one.
"""

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

PACKAGE = "cdktn-provider-google==21.1.0"
OUT = Path(__file__).with_name("google-schema.json")

RESOURCES = """
    access_context_manager_service_perimeter_resource artifact_registry_repository
    artifact_registry_repository_iam_member billing_budget cloud_run_v2_service cloud_run_v2_service_iam_member
    cloud_scheduler_job cloud_tasks_queue cloud_tasks_queue_iam_member cloudfunctions2_function eventarc_trigger
    firestore_backup_schedule firestore_database firestore_field firestore_index
    iap_web_cloud_run_service_iam_member kms_crypto_key_iam_member logging_metric logging_project_bucket_config
    monitoring_alert_policy monitoring_custom_service monitoring_dashboard monitoring_notification_channel
    monitoring_slo project_iam_binding project_iam_custom_role project_iam_member project_iam_policy project_service
    secret_manager_secret secret_manager_secret_iam_member secret_manager_secret_version service_account
    service_account_iam_member service_account_key storage_bucket storage_bucket_iam_member storage_bucket_object
    workflows_workflow
""".split()
DATA_SOURCES = "project storage_project_service_account".split()

_SIMPLE = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
    "new cdktn.StringMap(": ["map", "string"],
    "new cdktn.StringMapList(": ["list", ["map", "string"]],
}
_STORED = {"string": "string", "boolean": "bool", "stringList": ["list", "string"], "stringMap": ["map", "string"]}
_ATTRIBUTE = re.compile(
    r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n(.*?)\n    }", re.MULTILINE | re.DOTALL
)
_NESTED = re.compile(r'new (\w+?)(OutputReference|List)\(this, "\w+"(?:, (true|false))?\)')
_HCL = re.compile(
    r"^( +)(\w+): \{\n +value: .*\n +isBlock: (true|false),\n +type: \"(\w+)\",\n +storageClassType: \"(\w+)\"",
    re.MULTILINE,
)
_DOCUMENTED = re.compile(r"/\*\*((?:(?!\*/).)*?)\{@link \S+#(\w+) (\w+)#\w+\}", re.DOTALL)
_POSSIBLE = re.compile(r"Possible values: (\[[^\]]*\])")


def main(arguments: list[str]) -> int:
    sources = _sources(Path(arguments[0]))
    schema = {
        "made_from": f"{PACKAGE}, by tools/terraform/extract_schema.py; do not edit",
        "provider_version": re.findall(r"providerVersion: '([\d.]+)'", sources["provider"][0])[0],
        "provider": _block("provider", sources),
        "resources": {f"google_{name}": _block(name.replace("_", "-"), sources) for name in RESOURCES},
        "data_sources": {
            f"google_{name}": _block(f"data-google-{name.replace('_', '-')}", sources) for name in DATA_SOURCES
        },
    }
    endpoints = [name for name in schema["provider"]["attributes"] if name.endswith("_custom_endpoint")]
    for name in endpoints:
        del schema["provider"]["attributes"][name]
    OUT.write_text(_compact(schema), encoding="utf-8")
    return 0


def _sources(wheel: Path) -> dict[str, tuple[str, str]]:
    """Folder in the package to (compiled code, its declarations)."""
    wanted = {"provider", *(name.replace("_", "-") for name in RESOURCES)}
    wanted |= {f"data-google-{name.replace('_', '-')}" for name in DATA_SOURCES}
    found: dict[str, dict[str, str]] = {name: {} for name in wanted}
    with zipfile.ZipFile(wheel) as outer:
        inner = next(name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inner)), mode="r|gz") as package:
            for member in package:
                parts = member.name.split("/")
                file = package.extractfile(member) if parts[-2:-1] and parts[-2] in wanted else None
                if file is not None and parts[1] == "lib":
                    found[parts[-2]][parts[-1]] = file.read().decode()
    return {
        name: (files["index.js"].partition("//# sourceMappingURL")[0], files["index.d.ts"])
        for name, files in found.items()
    }


def _block(folder: str, sources: dict[str, tuple[str, str]]) -> dict[str, Any]:
    code, declarations = sources[folder]
    bodies = dict(re.findall(r"^class (\w+) extends [\w.]+ \{\n(.*?)^}", code, re.MULTILINE | re.DOTALL))
    spelled = dict(re.findall(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^}", code, re.MULTILINE | re.DOTALL))
    top = next(name for name, body in bodies.items() if "static tfResourceType" in body)
    allowed: dict[tuple[str, str], list[str]] = {}
    for comment, attribute, owner in _DOCUMENTED.findall(declarations):
        values = _POSSIBLE.search(comment)
        if values:
            allowed[owner, attribute] = json.loads(values[1])
    return _of_class(top, top, bodies, spelled, allowed)


def _of_class(
    name: str, top: str, bodies: dict[str, str], spelled: dict[str, str], allowed: dict[tuple[str, str], list[str]]
) -> dict[str, Any]:
    """The schema of one class, with those inside it."""
    owner = name.removesuffix("OutputReference")
    lowered = owner[0].lower() + owner[1:]
    hcl_text = bodies[top].partition("synthesizeHclAttributes")[2] if name == top else spelled.get(lowered, "")
    hcl = {
        attribute: (is_block == "true", kind, stored) for _, attribute, is_block, kind, stored in _HCL.findall(hcl_text)
    }
    block: dict[str, Any] = {"attributes": {}, "block_types": {}}
    for attribute, computed, optional, required, rest in _ATTRIBUTE.findall(bodies[name]):
        flags = {"computed": computed == "true", "optional": optional == "true", "required": required == "true"}
        is_block, nesting, stored = hcl.get(attribute, (False, "list", ""))
        nested = _NESTED.search(rest)
        if nested is None and top == "GoogleProvider" and is_block:
            continue  # batching and the like: its classes carry no schema of their own
        if nested is None:
            kind: Any = next((kind for marker, kind in _SIMPLE.items() if marker in rest), None) or _STORED[stored]
            if "Fn.tolist(" in rest and isinstance(kind, list):
                kind = ["set", kind[1]]
            entry: dict[str, Any] = {"type": kind, **{flag: True for flag, given in flags.items() if given}}
            if (owner, attribute) in allowed:
                entry["enum"] = allowed[owner, attribute]
            block["attributes"][attribute] = entry
            continue
        inner = _of_class(f"{nested[1]}OutputReference", top, bodies, spelled, allowed)
        if is_block:
            entry = {"nesting_mode": "single" if nesting == "struct" else nesting, "block": inner}
            if flags["required"]:
                entry["min_items"] = 1
            if nested[2] == "OutputReference" and nesting != "struct":
                entry["max_items"] = 1
            block["block_types"][attribute] = entry
        else:
            kind = ["set" if nested[3] == "true" else "list", _object(inner)]
            block["attributes"][attribute] = {"type": kind, **{flag: True for flag, given in flags.items() if given}}
    return block


def _object(block: dict[str, Any]) -> list[Any]:
    """A block as the type of an attribute."""
    fields = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block["block_types"].items():
        fields[name] = [nested["nesting_mode"], _object(nested["block"])]
    return ["object", fields]


def _compact(schema: dict[str, Any]) -> str:
    """One line for each type: a new version of the provider shows in a diff what it changed."""
    first = ("made_from", "provider_version", "provider")
    lines = ["{", *(f"{json.dumps(key)}: {json.dumps(schema[key], separators=(',', ':'))}," for key in first)]
    for key in ("resources", "data_sources"):
        types = [
            f"{json.dumps(name)}: {json.dumps(block, separators=(',', ':'))}" for name, block in schema[key].items()
        ]
        lines += [f"{json.dumps(key)}: {{", ",\n".join(types), "}," if key == "resources" else "}"]
    return "\n".join([*lines, "}\n"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
