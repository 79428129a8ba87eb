"""Where a film is written until it is done, and how it is published: whole, or not at all.

The folder is in the system's temporary folder, not beside the film, so that even a SIGKILL leaves nothing there. Its
name contains the process that owns it; the next start removes those whose process has ended.
"""

import contextlib
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from stitcher_service.engine.errors import BadInput

_PREFIX = "promptreel-stitch"
_NAME = re.compile(rf"{_PREFIX}-(?P<pid>\d+)-(?P<started>\d+)-")
_START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the command's closing parenthesis


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A folder of this process, removed at the end; those of dead processes are removed first."""
    remove_stale_folders()
    pid = os.getpid()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}-{pid}-{_start_time(pid)}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_stale_folders() -> None:
    """Remove the folders of dead processes."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}-*"):
        owner = _NAME.match(folder.name)
        if owner and _start_time(int(owner["pid"])) != int(owner["started"]):
            shutil.rmtree(folder, ignore_errors=True)


def _start_time(pid: int) -> int:
    """When the process began, in the kernel's ticks; -1 if there is none. A reused pid has another beginning."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0 if not Path("/proc/self").exists() and _is_alive(pid) else -1
    return int(stat.rpartition(")")[2].split()[_START_TIME_FIELD])


def _is_alive(pid: int) -> bool:
    """The best guess where there is no /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def check_output(out: Path, inputs: Iterable[tuple[str, Path]]) -> None:
    """Refuse to write to `out` where that would fail after all the work, or destroy one of the named `inputs`.

    Raises: BadInput.
    """
    try:
        if not out.parent.is_dir():
            raise BadInput(out, "its folder does not exist")
        if not os.access(out.parent, os.W_OK):
            raise BadInput(out, "its folder cannot be written to")
        mode = out.stat().st_mode
        if not stat.S_ISREG(mode):
            raise BadInput(out, "is a folder" if stat.S_ISDIR(mode) else "is not a file")
    except FileNotFoundError:
        return
    except OSError as error:
        raise BadInput(out, f"cannot be written ({error.strerror})") from error
    except ValueError as error:
        raise BadInput(out, "has a name that no file can have") from error
    for name, path in inputs:
        with contextlib.suppress(OSError, ValueError):  # what is not there cannot be destroyed
            if path.samefile(out):
                raise BadInput(out, f"is also an input ({name}), which the film would replace: name another file")


def publish(done: Path, out: Path) -> None:
    """Let the finished file appear at `out` in one step, replacing what was there."""
    with done.open("rb") as file:
        os.fsync(file.fileno())
    try:
        done.replace(out)
    except OSError as error:  # only the kernel knows: two mounts of one disk have the same device number
        if error.errno != errno.EXDEV:
            raise
        publish_across_disks(done, out)
    _sync_folder(out.parent)


def publish_across_disks(done: Path, out: Path) -> None:
    """A rename cannot leave its disk: copy into a nameless file there, then give it its name."""
    hidden = out.with_name(f".{_PREFIX}-{os.getpid()}.part")  # the film's own name may be as long as a name can be
    try:
        descriptor = os.open(out.parent, os.O_TMPFILE | os.O_RDWR, 0o644)
    except (AttributeError, OSError):  # not on this system, not on this file system
        try:
            shutil.copyfile(done, hidden)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
    else:
        with os.fdopen(descriptor, "wb") as copy, done.open("rb") as source:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
            # Without a folder descriptor Python would link the symbolic link itself.
            folder = os.open(out.parent, os.O_RDONLY)
            try:
                os.link(f"/proc/self/fd/{copy.fileno()}", hidden.name, dst_dir_fd=folder, follow_symlinks=True)
            finally:
                os.close(folder)
    hidden.replace(out)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
