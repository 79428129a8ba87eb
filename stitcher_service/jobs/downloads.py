"""Download artifacts if they fit on the disk: on Cloud Run the temporary folder is the memory.

Files are streamed, never held; what a render needs beside its sources (encoded segments, the film, decoded sound) is
counted in before the first byte is fetched.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from promptreel.errors import Broken, NotFound, Transient
from promptreel.ports.storage import ArtifactStore
from stitcher_service.jobs.services import DISK_VARIABLE, StitcherServices

# Sources, the segments encoded from them, and the film.
_COPIES = 3
# Raw sound: 48 kHz, stereo, four bytes, of the clips and of the mix.
_SOUND_BYTES_PER_S = 2 * 48_000 * 2 * 4


def check_disk_space(sources_bytes: int, film_s: float, folder: Path, limit_bytes: int) -> None:
    """Refuse work that would not fit. Raises: Broken over the deployment's limit; Transient over what is free now."""
    needed = _COPIES * sources_bytes + round(film_s * _SOUND_BYTES_PER_S)
    if needed > limit_bytes:
        raise Broken(
            f"This film needs {_mb(needed)} of disk, {_mb(limit_bytes)} are allowed.",
            code="film_too_large",
            remedy=f"Raise {DISK_VARIABLE} and the instance's memory, or ask for fewer or smaller scenes.",
        )
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise Transient(f"This film needs {_mb(needed)} of disk, {_mb(free)} are free here.", code="disk_full")


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def stored_sizes(job_id: str, uris: Iterable[str], artifacts: ArtifactStore) -> dict[str, int]:
    """How large each file is; what is not in the bucket is left out."""
    wanted = set(uris)
    found = {stored.uri: stored.size for stored in artifacts.list(f"jobs/{job_id}/") if stored.uri in wanted}
    bucket = artifacts.uri("")
    for uri in wanted - set(found):  # made for another job and shared with this one
        found |= {stored.uri: stored.size for stored in artifacts.list(uri.removeprefix(bucket)) if stored.uri == uri}
    return found


def download_all(
    owners: Mapping[str, str], job_id: str, film_s: float, folder: Path, services: StitcherServices
) -> dict[str, Path]:
    """Every address in `owners`, which maps it to a scene's name, as a file in `folder`, if all of them fit.

    Raises: Broken naming the scene of a file that is missing; Transient.
    """
    sizes = stored_sizes(job_id, owners, services.artifacts)
    for uri, owner in owners.items():
        if uri not in sizes:
            raise _missing(owner)
    check_disk_space(sum(sizes.values()), film_s, folder, services.disk_bytes)
    files = {uri: folder / f"source-{number}" for number, uri in enumerate(owners)}
    for uri, file in files.items():
        try:
            services.artifacts.get_file(uri, file)
        except NotFound as error:
            raise _missing(owners[uri]) from error
    return files


def _missing(owner: str) -> Broken:
    return Broken(f"{owner}: its clip or picture is gone from the bucket.", code="clip_missing")
