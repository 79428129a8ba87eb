"""The stand-ins as a package of their own: localcloud/pyproject.toml installs what they need, and nothing else."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW = "main: {steps: [{give: {return: '${1 + 1}'}}]}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package and nothing of this checkout."""
    folder = tmp_path_factory.mktemp("installed")
    install = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")
    subprocess.run([*install, "--offline", "--target", str(folder), str(ROOT / "localcloud")], check=True)
    return folder


def test_package_runs_a_workflow_when_installed_alone(installed: Path, tmp_path: Path) -> None:
    source = tmp_path / "sum.yaml"
    source.write_text(WORKFLOW)
    argv = (sys.executable, "-m", "localcloud", "workflows", "run", str(source))

    done = subprocess.run(
        argv, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(installed)}, capture_output=True, text=True, check=True
    )

    assert done.stdout == "2\n"


def test_package_contains_every_file_of_the_stand_ins_except_tests(installed: Path) -> None:
    source = ROOT / "localcloud"
    tracked = {
        path.relative_to(source)
        for suffix in ("py", "json", "toml")
        for path in source.rglob(f"*.{suffix}")
        if "tests" not in path.parts[len(source.parts) :]
    }

    present = {path.relative_to(installed / "localcloud") for path in (installed / "localcloud").rglob("*.*")}

    assert tracked - present <= {Path("pyproject.toml")}
    assert not [path for path in present if path.parts[0] == "tests"]


def test_dependencies_of_the_package_are_locked_with_the_product() -> None:
    own = tomllib.loads((ROOT / "localcloud" / "pyproject.toml").read_text())["project"]["dependencies"]
    product = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["local"]

    assert set(own) <= set(product)
