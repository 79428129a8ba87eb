"""Artifacts onto the disk, after a look at whether they fit: on Cloud Run the temporary folder is the memory.

Files are streamed, never held; what a render takes beside its sources (the film, its labelled copy, decoded sound) is
counted in before the first byte is fetched.
"""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from promptreel.errors import Broken, NotFound, Transient
from promptreel.ports.storage import ArtifactStore
from stitcher_service.jobs.services import DISK_VARIABLE

# Sources, the film made of them, and the same film once more with its labels.
_COPIES = 3
# Raw sound: 48 kHz, stereo, four bytes, of the clips and of the mix.
_SOUND_BYTES_PER_S = 2 * 48_000 * 2 * 4


def check_disk_space(sources_bytes: int, film_s: float, folder: Path, bound_bytes: int) -> None:
    """Refuse work that would not fit. Raises: Broken over the deployment's bound; Transient over what is free now."""
    needed = _COPIES * sources_bytes + round(film_s * _SOUND_BYTES_PER_S)
    if needed > bound_bytes:
        raise Broken(
            f"This film needs {_mb(needed)} of disk, {_mb(bound_bytes)} are allowed.",
            code="film_too_large",
            remedy=f"Raise {DISK_VARIABLE} and the instance's memory, or ask for fewer or smaller scenes.",
        )
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise Transient(f"This film needs {_mb(needed)} of disk, {_mb(free)} are free here.", code="disk_full")


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"


def stored_sizes(job_id: str, uris: Iterable[str], artifacts: ArtifactStore) -> dict[str, int]:
    """How large each file is; what does not stand in the bucket is left out."""
    wanted = set(uris)
    found = {stored.uri: stored.size for stored in artifacts.list(f"jobs/{job_id}/") if stored.uri in wanted}
    bucket = artifacts.uri("")
    for uri in wanted - set(found):  # made for another job and shared with this one
        found |= {stored.uri: stored.size for stored in artifacts.list(uri.removeprefix(bucket)) if stored.uri == uri}
    return found


def download(uri: str, file: Path, owner: str, artifacts: ArtifactStore) -> Path:
    """The artifact as `file`. Raises: Broken naming its `owner` when it is gone; Transient."""
    try:
        artifacts.get_file(uri, file)
    except NotFound as error:
        raise missing_error(owner) from error
    return file


def missing_error(owner: str) -> Broken:
    return Broken(f"{owner}: its clip or picture is gone from the bucket.", code="clip_missing")


def download_all(
    job_id: str, wanted: Mapping[str, str], film_s: float, folder: Path, artifacts: ArtifactStore, bound_bytes: int
) -> dict[str, Path]:
    """Every address in `wanted` (each with its owner's name) as a file in `folder`, if all of them fit.

    Raises: Broken, Transient.
    """
    known = stored_sizes(job_id, wanted, artifacts)
    for uri, owner in wanted.items():
        if uri not in known:
            raise missing_error(owner)
    check_disk_space(sum(known.values()), film_s, folder, bound_bytes)
    return {
        uri: download(uri, folder / f"source-{number}", owner, artifacts)
        for number, (uri, owner) in enumerate(wanted.items())
    }
