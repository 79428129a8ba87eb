"""What the stitcher's use cases need, as one frozen value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from promptreel.errors import Broken
from promptreel.ports.storage import ArtifactStore, JobStore
from promptreel.ports.system import Clock, Ids
from stitcher_service.engine.inspection import InspectionCache
from stitcher_service.jobs.instance import Instance

DISK_VARIABLE = "STITCHER_DISK_MB"
DEFAULT_DISK_MB = 5_000  # of the eight gigabytes that an instance has, the rest is for frames
_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class StitcherServices:
    """`disk_bytes` is the most that one render may take up in the temporary folder, whatever is free there.

    `inspections` outlive a render: the film after its previews, and its next version, inspect only clips that are new.
    """

    jobs: JobStore
    artifacts: ArtifactStore
    clock: Clock
    ids: Ids
    pace: float
    instance: Instance = field(default_factory=Instance)
    disk_bytes: int = DEFAULT_DISK_MB * _MEGABYTE
    inspections: InspectionCache = field(default_factory=InspectionCache)


def read_disk_bytes(env: Mapping[str, str]) -> int:
    """The deployment's bound on disk. Raises: Broken for a value that is no whole number of megabytes."""
    value = env.get(DISK_VARIABLE) or str(DEFAULT_DISK_MB)
    if not value.isdecimal() or not int(value):
        raise Broken(f"{DISK_VARIABLE} must be a whole number of megabytes, not {value!r}.", code="misconfigured")
    return int(value) * _MEGABYTE
