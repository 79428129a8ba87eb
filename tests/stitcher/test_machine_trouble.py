"""A shortage of the machine is never blamed on a clip, cached as damage, or published as a film."""

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.tests.waiting import PATIENCE_S
from promptreel.domain.states import SceneState
from promptreel.errors import Transient
from stitcher_service.engine import commands
from stitcher_service.engine.cutlist import CutList
from stitcher_service.engine.errors import BadInput, OutOfResources
from stitcher_service.engine.inspection import cache_key, run_and_read_log
from stitcher_service.engine.stitch import Tools, stitch
from stitcher_service.ffmpeg.errors import MachineFailed, is_resource_shortage
from stitcher_service.ffmpeg.probe import probe
from stitcher_service.ffmpeg.run import Runner, find_ffmpeg
from stitcher_service.jobs.renders import RenderRequest
from stitcher_service.jobs.stitch_film import stitch_film
from tests.fakes.services import FakeServices
from tests.stitcher.conftest import ClipMaker, FilmMaker
from tests.stitcher.jobs import a_filmed_job, change_scene, stitcher_services
from tests.stitcher.media import damage_packets

# What a run of ffmpeg is known by, and the step of the cut it belongs to.
STEPS = {
    "inspection": "blackdetect",
    "sound": "first_pts",
    "segments": "sps-id=1",
    "mastering": "-b:a",
    "stills": "perspective",
}
TROUBLES = {
    "killed": ("kill -KILL $$", "ffmpeg was ended by SIGKILL, as happens when memory runs out"),
    "crashed": ("kill -SEGV $$", "ffmpeg was ended by SIGSEGV"),
    "disk full": (
        "echo '[out#0/mp4 @ 0x1] [error] Error closing file: No space left on device' >&2; exit 228",
        "ffmpeg could not go on: No space left on device",
    ),
    "no memory": (
        "echo '[h264 @ 0x1] [error] get_buffer() failed: Cannot allocate memory' >&2; exit 244",
        "ffmpeg could not go on: Cannot allocate memory",
    ),
    "no threads": (
        "echo '[af#0:0 @ 0x1] [error] Task finished with error code: -11' >&2; exit 245",
        "ffmpeg could not go on: no more threads can be started",
    ),
    "no files": (
        "echo '[in#0 @ 0x1] [error] Error opening input: Too many open files' >&2; exit 232",
        "ffmpeg could not go on: Too many open files",
    ),
}


def failing_ffmpeg(folder: Path, step: str, act: str) -> Path:
    """ffmpeg, but for runs whose arguments contain the words of `step`: they `act` as they would in such trouble."""
    script = folder / "ffmpeg"
    script.write_text(f'#!/bin/sh\ncase "$*" in *"{STEPS[step]}"*) {act};; *) exec {find_ffmpeg()} "$@";; esac\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("step", ["inspection", "sound", "segments", "mastering"])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_film_fails_as_out_of_resources_when_the_machine_ends_ffmpeg(
    a_clip: ClipMaker, tmp_path: Path, trouble: str, step: str
) -> None:
    act, reason = TROUBLES[trouble]
    clip = str(a_clip(mark=1))
    cut_list = CutList.model_validate({"size": [320, 180], "fps": 24, "clips": [{"path": clip, "in_s": 0.5}]})
    tools = Tools(Runner(failing_ffmpeg(tmp_path, step, act)))

    with pytest.raises(
        OutOfResources, match=f"^the machine is at its limit: {reason}. Free memory, or space where "
    ) as failed:
        stitch(cut_list, tmp_path, tmp_path / "film.mp4", tools=tools)

    assert clip not in str(failed.value)
    assert not (tmp_path / "film.mp4").exists()
    track = probe(a_clip(mark=1)).video
    assert track is not None
    found = tools.inspections.get(cache_key(a_clip(mark=1), track))
    assert found is None or not found.damage


def test_run_fails_for_the_machine_when_the_disk_is_really_full(a_clip: ClipMaker) -> None:
    track = probe(a_clip(mark=1)).audio
    assert track is not None
    command = commands.decode_sound(a_clip(mark=1), track, Path("/dev/full"))

    with pytest.raises(MachineFailed, match="No space left on device"):
        run_and_read_log(command, Runner(find_ffmpeg()))


@pytest.mark.parametrize("most_bytes", [100_000, 1_000_000, 1_500_000])
def test_command_ends_with_1_and_blames_no_clip_when_it_may_write_no_more(
    a_clip: ClipMaker, tmp_path: Path, most_bytes: int
) -> None:
    """The sound of a clip, the mix, or what grows last: each has its turn to be the file that is too large."""
    cut_list = {"size": [320, 180], "fps": 24, "clips": [{"path": str(a_clip(mark=n))} for n in (1, 2)]}
    (tmp_path / "cuts.json").write_text(json.dumps(cut_list))

    command = [sys.executable, "-m", "stitcher_service", str(tmp_path / "cuts.json"), str(tmp_path / "film.mp4")]

    done = subprocess.run(
        ["prlimit", f"--fsize={most_bytes}", *command],  # preexec_fn would fork this process with its gRPC threads
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert done.stderr.startswith("the machine is at its limit: ")
    assert "damaged" not in done.stderr
    assert not (tmp_path / "film.mp4").exists()


def test_run_that_succeeds_is_the_machines_failure_when_its_log_speaks_of_no_memory(
    a_clip: ClipMaker, tmp_path: Path
) -> None:
    """Decoders go on without the pictures that they had no memory for."""
    track = probe(a_clip(mark=1)).video
    assert track is not None
    script = failing_ffmpeg(tmp_path, "inspection", TROUBLES["no memory"][0].replace("exit 244", "exit 0"))

    with pytest.raises(MachineFailed, match="Cannot allocate memory"):
        run_and_read_log(commands.inspect_picture(a_clip(mark=1), track, tmp_path / "times"), Runner(script))


@pytest.fixture
def use_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Let the service run another program as ffmpeg."""
    find_ffmpeg()

    def use(binary: Path) -> None:
        monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(binary))
        find_ffmpeg.cache_clear()

    yield use
    monkeypatch.undo()
    find_ffmpeg.cache_clear()


@pytest.mark.parametrize("step", ["inspection", "sound", "stills"])
@pytest.mark.parametrize("trouble", ["killed", "disk full", "no memory"])
def test_service_answers_transient_and_names_no_scene_when_the_machine_ends_ffmpeg(
    world: FakeServices,
    a_clip: ClipMaker,
    tmp_path: Path,
    use_ffmpeg: Callable[[Path], None],
    trouble: str,
    step: str,
) -> None:
    job, real = a_filmed_job(world, a_clip), find_ffmpeg()
    if step == "stills":
        change_scene(world, job, "scene-01", state=SceneState.FILTERED, clip=None)
    use_ffmpeg(failing_ffmpeg(tmp_path, step, TROUBLES[trouble][0]))

    with pytest.raises(Transient, match=r"^The stitcher ran out of resources: ffmpeg ") as failed:
        stitch_film(RenderRequest(job.id, 1), stitcher_services(world))

    assert failed.value.code == "stitcher_exhausted"
    assert "scene-0" not in failed.value.message
    assert world.jobs.get_job(job.id).value.output is None
    use_ffmpeg(real)
    assert stitch_film(RenderRequest(job.id, 1), stitcher_services(world)).state == "done"


@pytest.mark.parametrize(("packets", "wrong"), [(range(6), "picture"), (range(30, 40), "picture")])
def test_message_names_the_picture_when_only_pictures_are_damaged(
    a_clip: ClipMaker, a_film: FilmMaker, tmp_path: Path, packets: range, wrong: str
) -> None:
    """To open a file ffmpeg decodes its first pictures, also when only its sound is wanted."""
    shutil.copy(a_clip(mark=2), tmp_path / "scratched.mp4")
    damage_packets(tmp_path / "scratched.mp4", packets)

    with pytest.raises(BadInput, match=rf"^scratched\.mp4: its {wrong} is damaged \("):
        a_film([{"path": a_clip(mark=1)}, {"path": "scratched.mp4"}])


@pytest.mark.parametrize(
    ("error", "is_trusted"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), True),
        (MemoryError(), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("dictionary changed size during iteration"), False),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), False),
        (ValueError("no"), False),
    ],
    ids=repr,
)
def test_error_is_the_machines_when_it_is_for_want_of_something(error: Exception, *, is_trusted: bool) -> None:
    assert is_resource_shortage(error) is is_trusted
