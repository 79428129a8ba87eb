"""The service's start: a killed predecessor's folders are removed, and without a complete ffmpeg it does not start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def temp(tmp_path: Path) -> Path:
    folder = tmp_path / "temp"
    folder.mkdir()
    return folder


def start(temp: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the service as the web server does."""
    return subprocess.run(
        (sys.executable, "-c", "import stitcher_service.main"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temp), "PYTHONPATH": f"{ROOT / 'functions'}:{ROOT}", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_starting_service_removes_the_folders_of_a_killed_one(temp: Path) -> None:
    stale = temp / "promptreel-stitch-abc"
    stale.mkdir()
    (stale / "source-0.mp4").touch()
    (stale / "lock").touch()

    started = start(temp)

    assert (started.stderr, started.returncode) == ("", 0)
    assert not stale.exists()


def test_service_does_not_start_and_names_the_encoder_when_ffmpeg_lacks_one(temp: Path) -> None:
    useless = shutil.which("true")
    assert useless is not None

    started = start(temp, IMAGEIO_FFMPEG_EXE=useless)

    assert started.returncode != 0
    assert "lacks encoders: aac, libx264, mjpeg" in started.stderr
