"""`make smoke` against a running deployment: one draft film, priced and confirmed first."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from promptreel.domain.money import parse_usd
from tests.e2e.stack import ROOT, Stack


def make_checkout(folder: Path, **answers: str) -> Path:
    """A checkout with programs that print what an operator's terraform and gcloud would."""
    shutil.copytree(ROOT / "infra", folder / "infra", ignore=shutil.ignore_patterns("build", ".terraform*"))
    (folder / "bin").mkdir()
    for name, answer in answers.items():
        program = folder / "bin" / name
        program.write_text(f"#!/bin/sh\necho '{answer}'\n", encoding="utf-8")
        program.chmod(0o755)
    return folder


def test_smoke_film_is_made_within_its_price_when_confirmed(stack: Stack, tmp_path: Path) -> None:
    state = stack.state
    checkout = make_checkout(tmp_path, terraform=state["api"], gcloud=state["tokens"]["owner"])

    smoke = subprocess.run(
        [sys.executable, "-m", "infra.operate", "smoke", "--project=demo-project"],
        cwd=checkout,
        env=os.environ | {"PATH": f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(checkout)},
        input="yes\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert smoke.returncode == 0, smoke.stderr
    price = re.search(r"costs at most \$([\d.]+)", smoke.stdout)
    job = re.search(r"promptreel watch (job-\w+)", smoke.stdout)
    assert price
    assert job
    assert 0 < stack.ledger(job[1])["totals"]["spent_micros"] <= parse_usd(price[1])
    assert sorted(file.name for file in (checkout / "out/smoke").iterdir()) == ["film.mp4", "poster.jpg"]
