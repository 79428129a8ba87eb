"""The runner: errors with their last lines; no process outlives its time limit or its cancellation."""

import subprocess
import threading
from pathlib import Path

import pytest

from localcloud.tests.waiting import PATIENCE_S, eventually
from stitcher_service.ffmpeg.command import Command, InputFile
from stitcher_service.ffmpeg.errors import Cancelled, FfmpegFailed, MachineFailed
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg

TO_NOWHERE = ("-f", "null")
ENDLESS = Command((), None, ("-re", "-f", "lavfi", "-i", "testsrc", "-f", "null"))
SHORT = Command((), None, ("-f", "lavfi", "-i", "testsrc=d=1:r=10", "-f", "null"))


def test_failed_run_raises_with_exit_code_and_log() -> None:
    command = Command((InputFile(Path("/nowhere/a.mp4")),), None, TO_NOWHERE)

    with pytest.raises(FfmpegFailed, match=r"^ffmpeg ended with [1-9].* No such file or directory$") as failed:
        Runner(find_ffmpeg()).run(command)

    assert len(failed.value.log) > 1
    assert "[error] Error opening input" in failed.value.log[0]


def test_run_returns_its_log_line_by_line_when_it_says_something(tmp_path: Path) -> None:
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\nprintf 'one\\r\\ntwo \\302\\205 still two\\n' >&2\n")
    (tmp_path / "ffmpeg").chmod(0o755)

    assert Runner(tmp_path / "ffmpeg").run(SHORT) == ["one", "two \x85 still two"]


def test_run_is_killed_with_an_error_when_it_takes_too_long() -> None:
    with pytest.raises(MachineFailed, match=r"stopped after 0\.2 s"):
        Runner(find_ffmpeg(), timeout_s=0.2).run(ENDLESS)


def test_run_ends_and_no_other_begins_when_cancelled_from_another_thread() -> None:
    runner = Runner(find_ffmpeg())
    ended: list[BaseException] = []

    def work() -> None:
        try:
            runner.run(ENDLESS)
        except Cancelled as error:
            ended.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    eventually(lambda: runner._running)

    runner.cancel()

    worker.join(PATIENCE_S)
    assert len(ended) == 1
    with pytest.raises(Cancelled):
        runner.run(SHORT)


def test_cancelling_succeeds_when_another_thread_is_just_taking_the_exit_status() -> None:
    runner = Runner(find_ffmpeg())
    process = subprocess.Popen(["/bin/true"], text=True)
    status = process.wait()
    process.returncode = None  # as it is until the other thread has set it and left the lock

    with process._waitpid_lock:  # type: ignore[attr-defined]
        runner._running.add(process)
        runner.cancel()
    process.returncode = status


def test_run_is_a_failure_of_the_machine_when_ffmpeg_is_killed_from_outside() -> None:
    runner = Runner(find_ffmpeg())

    def kill() -> None:
        process = eventually(lambda: next(iter(runner._running), None))
        process.kill()

    killer = threading.Thread(target=kill)
    killer.start()

    with pytest.raises(MachineFailed, match="was ended by SIGKILL, as happens when memory runs out"):
        runner.run(ENDLESS)
    killer.join(PATIENCE_S)


def test_ffmpeg_is_the_binary_of_the_wheel() -> None:
    assert find_ffmpeg().is_file()
    assert "imageio_ffmpeg" in str(Path(find_ffmpeg()).parent)
