"""What a cut needs from the world, in one value: documents, files, time, and how much of the disk it may fill."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptreel.errors import Broken
from promptreel.ports.storage import ArtifactStore, JobStore
from promptreel.ports.system import Clock, Ids
from stitcher_service.engine.inspection_cache import InspectionCache, Memory
from stitcher_service.jobs.instance import Instance

DISK_VARIABLE = "STITCHER_DISK_MB"
DEFAULT_DISK_MB = 5_000  # of the eight gigabytes that an instance has, the rest is for frames
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class StitcherServices:
    """`read_disk_bytes` is the most that one render may take up in the temporary folder, whatever is free there.

    `memory` outlives a render: the film after its previews, and its next version, inspect only clips that are new.
    """

    jobs: JobStore
    artifacts: ArtifactStore
    clock: Clock
    ids: Ids
    pace: float
    instance: Instance = field(default_factory=Instance)
    disk_bytes: int = DEFAULT_DISK_MB * _MEGABYTE
    memory: Memory = field(default_factory=InspectionCache)


def read_disk_bytes(env: Mapping[str, str]) -> int:
    """The deployment's bound on disk. Raises: Broken for a value that is no whole number of megabytes."""
    wanted = env.get(DISK_VARIABLE) or str(DEFAULT_DISK_MB)
    if not wanted.isdecimal() or not int(wanted):
        raise Broken(f"{DISK_VARIABLE} must be a whole number of megabytes, not {wanted!r}.", code="misconfigured")
    return int(wanted) * _MEGABYTE
