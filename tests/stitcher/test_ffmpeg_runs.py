"""The runner: errors with their last lines; no process outlives its time limit or its cancellation."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcloud.tests.waiting import PATIENCE_S
from stitcher_service.ffmpeg.errors import Cancelled, FfmpegFailed, FfmpegTimedOut, MachineFailed
from stitcher_service.ffmpeg.run import TAIL_LINES, Runner, find_ffmpeg


@dataclass(frozen=True, slots=True)
class RawCommand:
    """Arguments as they are."""

    words: tuple[str, ...]

    def argv(self) -> tuple[str, ...]:
        return ("ffmpeg", "-hide_banner", "-nostdin", *self.words)


ENDLESS = RawCommand(("-re", "-f", "lavfi", "-i", "testsrc", "-f", "null", "-"))
SHORT = RawCommand(("-f", "lavfi", "-i", "testsrc=d=1:r=10", "-f", "null", "-"))


def test_failed_run_raises_with_arguments_exit_code_and_last_lines() -> None:
    command = RawCommand(("-i", "/nowhere/a.mp4", "-f", "null", "-"))

    with pytest.raises(FfmpegFailed, match="No such file or directory") as failed:
        Runner(find_ffmpeg()).run(command)

    assert failed.value.argv == command.argv()
    assert failed.value.exit_code > 0
    assert 0 < len(failed.value.tail) <= TAIL_LINES


def test_run_is_killed_with_an_error_when_it_takes_too_long() -> None:
    with pytest.raises(FfmpegTimedOut, match=r"stopped after 0\.2 s"):
        Runner(find_ffmpeg(), timeout_s=0.2).run(ENDLESS)


def test_run_ends_and_no_other_begins_when_cancelled_from_another_thread() -> None:
    runner = Runner(find_ffmpeg())
    started = threading.Event()
    ended: list[BaseException] = []

    def work() -> None:
        try:
            runner.run(ENDLESS, on_line=lambda _: started.set())
        except Cancelled as error:
            ended.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert started.wait(PATIENCE_S)

    runner.cancel()

    worker.join(PATIENCE_S)
    assert len(ended) == 1
    with pytest.raises(Cancelled):
        runner.run(SHORT)


def test_run_is_a_failure_of_the_machine_when_ffmpeg_is_killed_from_outside() -> None:
    runner = Runner(find_ffmpeg())

    def kill(_: str) -> None:
        for process in runner._running:
            process.kill()

    with pytest.raises(MachineFailed, match="was ended by SIGKILL, as happens when memory runs out") as failed:
        runner.run(ENDLESS, on_line=kill)

    assert failed.value.exit_code == -9


def test_ffmpeg_is_the_binary_of_the_wheel() -> None:
    assert find_ffmpeg().is_file()
    assert "imageio_ffmpeg" in str(Path(find_ffmpeg()).parent)
