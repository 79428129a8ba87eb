"""Both images: numeric non-root user, locked requirements, a server that gets SIGTERM, no linter warnings."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
STITCHER, STUDIO = ROOT / "stitcher_service/Dockerfile", ROOT / "infra/studio/Dockerfile"
LOCKED = {STITCHER: ROOT / "stitcher_service/requirements.txt", STUDIO: ROOT / "functions/requirements.txt"}

both = pytest.mark.parametrize("dockerfile", LOCKED, ids=["stitcher", "studio"])


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Instruction and arguments, comments left out, continued lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    lines = (line.split(maxsplit=1) for line in text.splitlines() if line.strip())
    return [(name, " ".join(rest)) for name, *rest in lines]


def arguments_of(dockerfile: Path, name: str) -> list[str]:
    return [rest for found, rest in instructions(dockerfile) if found == name]


@both
def test_linter_reports_nothing(dockerfile: Path) -> None:
    program = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program, "hadolint is not installed: it comes with the dev requirements"

    linted = subprocess.run((program, str(dockerfile)), capture_output=True, text=True, check=False)

    assert (linted.stdout, linted.returncode) == ("", 0)


@both
def test_base_image_can_be_given_by_its_digest(dockerfile: Path) -> None:
    assert instructions(dockerfile)[0][0] == "ARG"
    assert instructions(dockerfile)[0][1].startswith("BASE=")
    assert arguments_of(dockerfile, "FROM") == ["${BASE}"]


@both
def test_cloud_build_passes_one_base_to_each_image(dockerfile: Path) -> None:
    build = yaml.safe_load((ROOT / "infra/build.yaml").read_text(encoding="utf-8"))
    (step,) = [one for one in build["steps"] if f"--file={dockerfile.relative_to(ROOT)}" in one["args"][-1]]

    assert '"--build-arg=BASE=${_BASE}"' in step["args"][-1]
    assert instructions(dockerfile)[0][1] == f"BASE={build['substitutions']['_BASE'].partition('@')[0]}"


@both
def test_user_is_numeric_and_not_root_and_no_file_is_added_after_it(dockerfile: Path) -> None:
    names = [name for name, _ in instructions(dockerfile)]

    assert arguments_of(dockerfile, "USER") == ["10001"]
    assert not set(names[names.index("USER") :]) & {"RUN", "COPY", "ADD"}


@both
def test_only_requirements_are_installed_and_by_hash(dockerfile: Path) -> None:
    (install,) = [run for run in arguments_of(dockerfile, "RUN") if "install" in run]

    assert install.startswith("pip install ")
    assert {"--require-hashes", "--no-deps", "--no-cache-dir", "--only-binary"} <= set(install.split())
    assert install.endswith("-r requirements.txt")
    locked = LOCKED[dockerfile].read_text()
    requirements = [line for line in locked.splitlines() if "==" in line and not line.lstrip().startswith("#")]
    assert all(line.endswith("\\") for line in requirements)
    assert any(line.startswith("google-cloud-firestore==") for line in requirements)


@both
def test_python_files_are_compiled_in_the_image(dockerfile: Path) -> None:
    assert any("compileall" in run for run in arguments_of(dockerfile, "RUN"))
    assert not any("PYTHONDONTWRITEBYTECODE" in variables for variables in arguments_of(dockerfile, "ENV"))


@both
@pytest.mark.parametrize("name", ["ENV", "ARG"])
def test_image_contains_no_secret(dockerfile: Path, name: str) -> None:
    assert not re.search(
        r"SECRET|TOKEN|PASSWORD|API_?KEY|CREDENTIAL", " ".join(arguments_of(dockerfile, name)), re.IGNORECASE
    )


@both
def test_command_replaces_the_shell_so_that_sigterm_arrives(dockerfile: Path) -> None:
    (command,) = map(json.loads, arguments_of(dockerfile, "CMD"))

    assert command[:2] == ["sh", "-c"]
    assert command[2].startswith("exec ")


def test_stitchers_server_has_one_worker_and_no_timeout() -> None:
    (command,) = map(json.loads, arguments_of(STITCHER, "CMD"))

    assert command[2].startswith("exec gunicorn ")
    assert command[2].endswith(" stitcher_service.main:app")
    for option in ("--workers 1", "--timeout 0", "--no-control-socket"):
        assert option in command[2]
    grace = re.search(r"--graceful-timeout (\d+)", command[2])
    assert grace is not None
    assert int(grace[1]) < 10  # seconds between Cloud Run's SIGTERM and SIGKILL


def test_studios_command_serves_only_the_api() -> None:
    (command,) = map(json.loads, arguments_of(STUDIO, "CMD"))

    assert command[2].startswith("exec functions-framework ")
    assert "--source=main.py --target=api " in command[2]


def test_stitchers_build_context_holds_only_the_two_packages() -> None:
    ignored = STITCHER.with_name("Dockerfile.dockerignore").read_text().split()

    assert ignored[0] == "**"
    assert [line for line in ignored if line.startswith("!")] == ["!functions/promptreel", "!stitcher_service"]
    copied = {copy.split()[0] for copy in arguments_of(STITCHER, "COPY")}
    assert copied == {"stitcher_service/requirements.txt", "functions/promptreel", "stitcher_service"}
