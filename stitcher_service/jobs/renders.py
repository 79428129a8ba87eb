"""Each render once: ``renders/{digest}`` holds a lease while it is made and its result for good.

At concurrency 1 a repeated request lands on another instance, so only a document can keep two from the same work.
The lease is short and renewed by a thread: a killed instance is forgotten within two minutes, a long cut is not.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Self

from promptreel.domain.call import Lease
from promptreel.domain.job import Output
from promptreel.domain.render import Render, RenderedClip
from promptreel.errors import PromptreelError, Transient, VersionConflict
from promptreel.ports.storage import Create, Replace, Versioned
from stitcher_service.engine.errors import OutOfResources
from stitcher_service.ffmpeg.errors import is_resource_shortage
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs.services import StitcherServices

LEASE_S = 120.0
BUSY_WAIT_S = 20.0
_RENEWALS_PER_LEASE = 4


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What a render came to: a whole film, or a clip of some kind."""

    output: Output | None = None
    clip: RenderedClip | None = None
    warnings: tuple[str, ...] = ()


def render_once(
    job_id: str, digest: str, room: StitcherServices, make: Callable[[Runner], RenderResult]
) -> Render | None:
    """The finished render of this name, made now unless it is there; None while this or another instance is busy.

    Raises: whatever `make` raises, with the lease given back; Transient when the instance is stopping.
    """
    read = room.jobs.get_render(digest)
    if read is not None and read.value.is_done:
        return read.value
    with room.instance.render() as runner:
        if runner is None:
            return None
        held = _acquire_lease(job_id, digest, read, room)
        if held is None:
            return None
        with held, _machine_trouble_as_transient():
            return held.finished(make(runner))


@contextmanager
def _machine_trouble_as_transient() -> Iterator[None]:
    """Whatever this instance lacked, another attempt may have: it is never blamed on a clip."""
    try:
        yield
    except PromptreelError:
        raise
    except Exception as error:
        if not isinstance(error, OutOfResources) and not is_resource_shortage(error):
            raise
        reason = error.reason if isinstance(error, OutOfResources) else str(error)
        raise Transient(f"The stitcher ran out of resources: {reason}.", code="stitcher_exhausted") from error


def _acquire_lease(
    job_id: str, digest: str, read: Versioned[Render] | None, room: StitcherServices
) -> "_LeasedRender | None":
    """The render with its lease ours; None while somebody else has it."""
    now = room.clock.now()
    ours = Lease(holder=room.ids.new_token(), until=now + timedelta(seconds=LEASE_S * room.pace))
    try:
        if read is None:
            room.jobs.write(Create(job_id, Render(id=digest, job=job_id, lease=ours, created=now, updated=now)))
        elif read.value.lease is not None and now < read.value.lease.until:
            return None
        else:
            room.jobs.write(Replace(job_id, read, read.value.evolve(lease=ours, updated=now)))
    except VersionConflict:
        return None
    taken = room.jobs.get_render(digest)
    return _LeasedRender(job_id, taken, ours.holder, room) if taken and _is_held_by(ours.holder, taken) else None


def _is_held_by(holder: str, read: Versioned[Render]) -> bool:
    return read.value.lease is not None and read.value.lease.holder == holder


class _LeasedRender:
    """A render whose lease is ours and stays so until the block ends."""

    def __init__(self, job_id: str, read: Versioned[Render], holder: str, room: StitcherServices) -> None:
        self._job_id = job_id
        self._read = read
        self._holder = holder
        self._room = room
        self._over = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._renewing.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop_renewing()
        if kind is not None:
            with suppress(PromptreelError):  # the lease ends by itself as well
                self._write(lease=None)

    def finished(self, made: RenderResult) -> Render | None:
        """The render with its result written; None when the lease was lost and another instance goes on with it."""
        self._stop_renewing()
        try:
            self._write(state="DONE", lease=None, output=made.output, clip=made.clip, warnings=made.warnings)
        except VersionConflict:
            return None
        return self._read.value

    def _renew(self) -> None:
        pace = self._room.pace
        while not self._over.wait(LEASE_S * pace / _RENEWALS_PER_LEASE):
            until = self._room.clock.now() + timedelta(seconds=LEASE_S * pace)
            try:
                self._write(lease=Lease(holder=self._holder, until=until))
            except VersionConflict:
                return
            except PromptreelError:
                continue  # a few renewals may fail before the lease ends

    def _stop_renewing(self) -> None:
        self._over.set()
        self._renewing.join()

    def _write(self, **changes: object) -> None:
        """Change the render as long as it is ours. Raises: VersionConflict when it is not; Transient."""
        try:
            self._replace(**changes)
        except VersionConflict:  # perhaps by our own earlier write, whose answer never came
            standing = self._room.jobs.get_render(self._read.value.id)
            if standing is None or not _is_held_by(self._holder, standing):
                raise
            self._read = standing
            self._replace(**changes)

    def _replace(self, **changes: object) -> None:
        changed = self._read.value.evolve(updated=self._room.clock.now(), **changes)
        self._room.jobs.write(Replace(self._job_id, self._read, changed))
        self._read = self._room.jobs.get_render(changed.id) or self._read
