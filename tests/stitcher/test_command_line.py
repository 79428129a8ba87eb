"""`python -m stitcher_service`: exit codes, one line on stderr, a report as the last line of stdout, no traces."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud.tests.waiting import PATIENCE_S, eventually
from tests.processes import is_alive
from tests.stitcher.conftest import ClipMaker

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with clips and a cut list, and a temporary folder that only our command uses."""

    folder: Path
    temp: Path

    @property
    def out(self) -> Path:
        return self.folder / "film.mp4"

    def order(self, **options: Any) -> None:
        cut_list = {"size": [320, 180], "fps": 24, "clips": [{"path": "a.mp4"}, {"path": "b.mp4"}], **options}
        (self.folder / "cuts.json").write_text(json.dumps(cut_list))

    def start(self, *options: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "stitcher_service", str(self.folder / "cuts.json"), str(self.out), *options],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(self.temp)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*options) as process:
            stdout, stderr = process.communicate(timeout=PATIENCE_S)
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def leftovers(self) -> list[str]:
        return sorted(path.name for path in self.temp.iterdir())


@pytest.fixture
def desk(a_clip: ClipMaker, tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "desk", tmp_path / "temp")
    made.folder.mkdir()
    made.temp.mkdir()
    shutil.copy(a_clip(mark=1), made.folder / "a.mp4")
    shutil.copy(a_clip(mark=2), made.folder / "b.mp4")
    made.order()
    return made


def test_last_line_is_the_report_when_the_cut_list_is_good(desk: Desk) -> None:
    done = desk.run()

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "duration_s": 6.0,
        "frames": 144,
        "width": 320,
        "height": 180,
        "fps": 24.0,
        "copied_frames": 144,
        "encoded_frames": 0,
        "loudness_lufs": pytest.approx(-17, abs=1.5),
        "warnings": [],
    }
    assert desk.names() == ["a.mp4", "b.mp4", "cuts.json", "film.mp4"]
    assert desk.leftovers() == []


def test_plan_option_prints_segments_and_reasons_and_makes_no_film(desk: Desk) -> None:
    desk.order(clips=[{"path": "a.mp4", "in_s": 0.5}, {"path": "b.mp4"}])

    plan = json.loads(desk.run("--plan").stdout)

    assert [(part["kind"], part["frames"]) for part in plan["segments"]] == [("encode", 12), ("copy", 48), ("copy", 72)]
    assert plan["why"] == "120 of 132 frames can be copied"
    assert plan["segments"][0]["why"] == "up to the first IDR picture"
    assert not desk.out.exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"clips": []}, "cuts.json"),
        ({"clips": [{"path": "c.mp4"}]}, "c.mp4: does not exist"),
        ({"clips": [{"path": "a.mp4", "out_s": 9}]}, "a.mp4: out_s 9 is past its end"),
    ],
)
def test_command_exits_with_2_and_one_line_when_an_input_is_bad(
    desk: Desk, options: dict[str, Any], named: str
) -> None:
    desk.order(**options)

    done = desk.run()

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert named in done.stderr
    assert done.stdout == ""
    assert not desk.out.exists()


def test_error_is_one_line_without_words_of_libraries_when_a_clip_is_damaged(desk: Desk) -> None:
    content = bytearray((desk.folder / "b.mp4").read_bytes())
    for at in range(len(content) // 4, len(content) // 2, 300):
        content[at] ^= 0x55
    (desk.folder / "b.mp4").write_bytes(content)

    done = desk.run()

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("b.mp4: ")


def test_older_film_stays_when_the_new_one_fails(desk: Desk) -> None:
    desk.out.write_text("older")
    desk.order(clips=[{"path": "c.mp4"}])

    desk.run()

    assert desk.out.read_text() == "older"


@contextmanager
def working(desk: Desk) -> Iterator["subprocess.Popen[str]"]:
    """The command at a film long enough to be interrupted, once ffmpeg is at work in its folder."""
    long = [
        {"path": name, "in_s": 0.5, "transition": {"kind": "crossfade", "duration_s": 0.5}}
        for name in ("a.mp4", "b.mp4")
    ]
    desk.order(size=[1280, 720], clips=[*long * 20, {"path": "a.mp4"}])
    with desk.start() as process:
        eventually(lambda: any(desk.temp.glob("*/segment-*.mp4")))
        yield process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_command_leaves_no_file_beside_the_film_and_no_process(desk: Desk, number: signal.Signals) -> None:
    before = None
    with working(desk) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        before = desk.names()
        process.send_signal(number)
        process.wait(PATIENCE_S)

    assert children
    assert process.returncode != 0
    assert desk.names() == before == ["a.mp4", "b.mp4", "cuts.json"]
    eventually(lambda: not any(map(is_alive, children)))
    if number != signal.SIGKILL:
        assert desk.leftovers() == []


def test_folder_of_a_killed_command_is_removed_when_the_next_one_starts(desk: Desk) -> None:
    with working(desk) as process:
        process.kill()
    assert len(desk.leftovers()) == 1

    desk.order()
    done = desk.run()

    assert done.returncode == 0
    assert desk.leftovers() == []
