"""Where a film is written until it is done, and how it is published: whole, or not at all.

The folder is in the system's temporary folder, not beside the film, so that even a SIGKILL leaves nothing there. A file
in it is locked while its process lives; the next start removes the folders whose lock is free.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from stitcher_service.engine.errors import BadInput

_PREFIX = "promptreel-stitch-"
_LOCK = "lock"


@contextlib.contextmanager
def work_folder() -> Iterator[Path]:
    """A folder of this process, removed at the end; those of dead processes are removed first."""
    remove_stale_folders()
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unlocked = folder / "unlocked"  # other processes look for the lock's own name, which it gets once it is locked
        with unlocked.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            unlocked.rename(folder / _LOCK)
            yield folder


def remove_stale_folders() -> None:
    """Remove the folders of dead processes."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), path.open("r+") as lock:  # its process lives, or has just removed it
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(path.parent, ignore_errors=True)


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
    with _open_folder(out.parent) as folder:
        os.fsync(folder)


def publish_across_disks(done: Path, out: Path) -> None:
    """A rename cannot leave its disk: copy into a nameless file there, then give it its name."""
    hidden = out.with_name(f".{_PREFIX}{os.getpid()}.part")  # the film's own name may be as long as a name can be
    try:
        descriptor = os.open(out.parent, os.O_TMPFILE | os.O_RDWR, 0o644)
    except (AttributeError, OSError):  # not on this system, not on this file system
        try:
            shutil.copyfile(done, hidden)
        except BaseException:
            hidden.unlink(missing_ok=True)
            raise
    else:
        # Without a folder descriptor Python would link the symbolic link itself.
        with os.fdopen(descriptor, "wb") as copy, done.open("rb") as source, _open_folder(out.parent) as folder:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
            os.link(f"/proc/self/fd/{copy.fileno()}", hidden.name, dst_dir_fd=folder, follow_symlinks=True)
    hidden.replace(out)


@contextlib.contextmanager
def _open_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
