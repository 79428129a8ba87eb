"""Real Terraform with the provider's real schema, offline: format, validity, its own tests (H4)."""

import re
from pathlib import Path

from tests.infra.offline import archive, schemas
from tests.infra.offline.terraform import ROOT, Workspace, workspace


def test_configuration_then_is_formatted(place: Workspace) -> None:
    formatted = place.run("fmt", "-check", "-recursive", "-no-color")

    assert formatted.code == 0, f"run `make fmt`:\n{formatted.out}"


def test_configuration_then_is_valid_for_the_providers_own_schema(place: Workspace) -> None:
    validated = place.run("validate", "-no-color")

    assert validated.code == 0, validated.out


def test_terraforms_own_tests_then_pass() -> None:
    with workspace() as own:
        tested = own.run("test", "-no-color")

    assert tested.code == 0, tested.out
    assert int(re.findall(r"Success! (\d+) passed, 0 failed", tested.out)[0]) >= 10


def test_misspelt_attribute_when_validated_then_refused() -> None:
    with workspace() as own:
        (own.infra / "extra.tf").write_text(
            'resource "google_storage_bucket" "x" {\n  name = "x"\n  locaton = "EU"\n}\n'
        )
        validated = own.run("validate", "-no-color")

    assert validated.code == 1
    assert "locaton" in validated.out


def test_read_only_attribute_and_unknown_value_when_validated_then_refused() -> None:
    with workspace() as own:
        (own.infra / "extra.tf").write_text(
            'resource "google_service_account" "x" {\n  account_id = "extra-account"\n  email = "x@example.com"\n}\n'
            'resource "google_cloud_tasks_queue" "x" {\n  name = "x"\n  location = "x"\n  desired_state = "ASLEEP"\n}\n'
        )
        validated = own.run("validate", "-no-color")

    assert "email is read-only" in validated.out
    assert "ASLEEP" in validated.out


def test_schema_then_is_that_of_the_version_that_is_asked_for() -> None:
    version = re.search(r'"provider_version": "(\d+)\.', (ROOT / "tests/infra/offline/google-schema.json").read_text())

    assert version
    assert version[1] == "8"
    assert len(schemas.google().resources) >= 30


def test_source_when_packed_twice_then_the_bytes_are_the_same(tmp_path: Path) -> None:
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


def test_source_when_caches_and_modes_change_then_the_digest_stays(tmp_path: Path) -> None:
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


def test_comment_in_the_configuration_then_changes_nothing() -> None:
    with workspace() as own:
        for file in own.infra.glob("*.tf"):
            file.write_text(f"# Another word.\n{file.read_text()}")
        formatted = own.run("fmt", "-check", "-recursive", "-no-color")
        validated = own.run("validate", "-no-color")

    assert (formatted.code, validated.code) == (0, 0)
