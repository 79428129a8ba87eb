"""Real Terraform with the provider's real schema, offline: format, validity, its own tests."""

import json
import re
from pathlib import Path

from tests.infra.policy.all_rules import faults
from tools.terraform import archive, inventory, schemas
from tools.terraform.plan import VARIABLES, Plan
from tools.terraform.terraform import ROOT, Workspace, workspace


def code(place: Workspace) -> dict[str, list[str]]:
    """Each file's lines without comments and alignment, which depends on comments."""
    return {
        file.name: [
            re.sub(r"(?<=\S) +", " ", line)
            for line in file.read_text(encoding="utf-8").splitlines()
            if not line.lstrip().startswith("#")
        ]
        for file in place.infra.rglob("*.tf")
    }


def test_configuration_is_formatted() -> None:
    with workspace() as own:
        written = code(own)
        formatted = own.run("fmt", "-recursive", "-no-color")

        assert formatted.code == 0, formatted.out
        assert code(own) == written, "run `make fmt`"


def test_configuration_is_valid_for_the_providers_schema(place: Workspace) -> None:
    validated = place.run("validate", "-no-color")

    assert validated.code == 0, validated.out


def test_terraforms_own_tests_pass() -> None:
    with workspace() as own:
        tested = own.run("test", "-no-color")

    assert tested.code == 0, tested.out
    assert int(re.findall(r"Success! (\d+) passed, 0 failed", tested.out)[0]) == 15


def test_validation_refuses_misspelt_and_read_only_attributes_and_unknown_values() -> None:
    with workspace() as own:
        (own.infra / "extra.tf").write_text(
            'resource "google_storage_bucket" "x" {\n  name = "x"\n  locaton = "EU"\n}\n'
            'resource "google_service_account" "x" {\n  account_id = "extra-account"\n  email = "x@example.com"\n}\n'
            'resource "google_cloud_tasks_queue" "x" {\n  name = "x"\n  location = "x"\n  desired_state = "ASLEEP"\n}\n'
        )
        validated = own.run("validate", "-no-color")

    assert validated.code == 1
    assert "locaton" in validated.out
    assert "email is read-only" in validated.out
    assert "ASLEEP" in validated.out


def test_schema_has_the_required_providers_version() -> None:
    version = re.search(r'"provider_version": "(\d+)\.', (ROOT / "tools/terraform/google-schema.json").read_text())

    assert version
    assert version[1] == "8"
    assert len(schemas.google().resources) >= 30


def test_source_has_the_same_bytes_when_it_is_packed_twice(tmp_path: Path) -> None:
    config = {
        "source_dir": str(ROOT / "functions"),
        "output_path": str(tmp_path / "one.zip"),
        "excludes": ["**/__pycache__", "**/.*"],
        "output_file_mode": "0644",
    }
    first = archive.read(config, tmp_path)
    (tmp_path / "one.zip").rename(tmp_path / "first.zip")
    second = archive.read(config, tmp_path)

    assert first["output_sha256"] == second["output_sha256"]
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "one.zip").read_bytes()


def test_digest_of_the_source_stays_when_only_caches_and_modes_change(tmp_path: Path) -> None:
    source = tmp_path / "functions"
    (source / "package").mkdir(parents=True)
    (source / "package/step.py").write_text("x = 1\n")
    config = {
        "source_dir": "functions",
        "output_path": "x.zip",
        "excludes": ["**/__pycache__"],
        "output_file_mode": "0644",
    }
    before = archive.read(config, tmp_path)["output_sha256"]
    (source / "package/__pycache__").mkdir()
    (source / "package/__pycache__/step.pyc").write_bytes(b"\0")
    (source / "package/step.py").chmod(0o600)

    assert archive.read(config, tmp_path)["output_sha256"] == before
    (source / "package/step.py").write_text("x = 2\n")
    assert archive.read(config, tmp_path)["output_sha256"] != before


def test_comments_and_formatting_of_lists_change_nothing() -> None:
    with workspace() as own:
        written = code(own)
        for listed in (own.infra / "config").glob("*.json"):
            listed.write_text(json.dumps(json.loads(listed.read_text(encoding="utf-8")), indent=4), encoding="utf-8")
        for file in own.infra.glob("*.tf"):
            lines = file.read_text(encoding="utf-8").splitlines()
            file.write_text("".join(f"{line}\n# A comment.\n" for line in lines), encoding="utf-8")
        plan = Plan(own.plan(VARIABLES), own.infra)

        assert faults(plan) == {}
        assert inventory.text(plan) == inventory.FILE.read_text(encoding="utf-8")
        assert own.run("fmt", "-recursive", "-no-color").code == 0
        assert {name: lines for name, lines in code(own).items() if not name.startswith("zz_")} == written
