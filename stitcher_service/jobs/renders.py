"""Each render once: ``renders/{digest}`` holds a lease while it is made, and its result for good.

At concurrency 1 a repeated request lands on another instance, so only a document can keep two from the same work.
The lease is short and renewed by a thread: it outlives a killed instance by two minutes at most, and a long render
keeps it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import StrictInt, StringConstraints

from promptreel.domain import identifiers
from promptreel.domain.call import Lease
from promptreel.domain.job import Output
from promptreel.domain.render import Render, RenderedClip
from promptreel.errors import NotFound, PromptreelError, Transient, VersionConflict
from promptreel.ports.storage import Create, Replace, Versioned
from stitcher_service.engine.errors import OutOfResources
from stitcher_service.ffmpeg.errors import is_resource_shortage
from stitcher_service.ffmpeg.run import Runner
from stitcher_service.jobs.services import StitcherServices

LEASE_S = 120.0
BUSY_WAIT_S = 20.0
_RENEWALS_PER_LEASE = 4

Id = Annotated[str, StringConstraints(pattern=identifiers.ID_PATTERN)]


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """`run` fences the request off from newer runs; None means the job's own run."""

    job_id: Id
    run: StrictInt | None = None


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What a render produced: a whole film, or a clip of some kind."""

    output: Output | None = None
    clip: RenderedClip | None = None
    warnings: tuple[str, ...] = ()


def render_once(
    job_id: str, digest: str, services: StitcherServices, render: Callable[[Runner], RenderResult]
) -> Render | None:
    """The finished render of this name, made now unless it is stored; None while this or another instance is busy.

    Raises: what `render` raises, with the lease released; Transient when the instance is stopping.
    """
    read = services.jobs.get_render(digest)
    if read is not None and read.value.is_done:
        return read.value
    with services.instance.render() as runner:
        if runner is None:
            return None
        leased = _acquire_lease(job_id, digest, read, services)
        if leased is None:
            return None
        with leased.renewed(), _resource_shortage_as_transient():
            return leased.finish(render(runner))


@contextmanager
def _resource_shortage_as_transient() -> Iterator[None]:
    """What this instance lacks, another attempt may have: it is never blamed on a clip."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OutOfResources) and not is_resource_shortage(error):
            raise
        reason = error.reason if isinstance(error, OutOfResources) else str(error)
        raise Transient(f"The stitcher ran out of resources: {reason}.", code="stitcher_exhausted") from error


def _acquire_lease(
    job_id: str, digest: str, read: Versioned[Render] | None, services: StitcherServices
) -> "_LeasedRender | None":
    """The render, leased by this caller; None while another one holds its lease."""
    now = services.clock.now()
    lease = Lease(holder=services.ids.new_token(), until=now + timedelta(seconds=LEASE_S * services.pace))
    try:
        if read is None:
            services.jobs.write(Create(job_id, Render(id=digest, job=job_id, lease=lease, created=now, updated=now)))
        elif read.value.lease is not None and now < read.value.lease.until:
            return None
        else:
            services.jobs.write(Replace(job_id, read, read.value.evolve(lease=lease, updated=now)))
    except VersionConflict:
        return None
    return _LeasedRender(job_id, digest, lease.holder, services)


@dataclass(frozen=True, slots=True)
class _LeasedRender:
    """A render whose lease this caller holds."""

    job_id: str
    digest: str
    holder: str
    services: StitcherServices

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew the lease until the block ends, and release it when the block fails."""
        is_over = threading.Event()
        renewing = threading.Thread(target=self._renew_until, args=(is_over,), name="lease", daemon=True)
        renewing.start()
        try:
            yield
        except BaseException:
            with suppress(PromptreelError):  # the lease ends by itself as well
                self._update(lease=None)
            raise
        finally:
            is_over.set()
            renewing.join()

    def finish(self, result: RenderResult) -> Render | None:
        """The render with its result stored; None when the lease was lost and another instance continues."""
        return self._update(state="DONE", lease=None, output=result.output, clip=result.clip, warnings=result.warnings)

    def _renew_until(self, is_over: threading.Event) -> None:
        pace = self.services.pace
        while not is_over.wait(LEASE_S * pace / _RENEWALS_PER_LEASE):
            until = self.services.clock.now() + timedelta(seconds=LEASE_S * pace)
            with suppress(PromptreelError):  # a few renewals may fail before the lease ends
                if self._update(lease=Lease(holder=self.holder, until=until)) is None:
                    return

    def _update(self, **changes: object) -> Render | None:
        """Change the render; None when its lease was lost, or its job deleted. Raises: Transient."""

        def change(render: Render) -> Render | None:
            is_held = render.lease is not None and render.lease.holder == self.holder
            return render.evolve(updated=self.services.clock.now(), **changes) if is_held else None

        try:
            update = self.services.jobs.update_render(self.job_id, self.digest, change)
        except NotFound:
            return None
        return update.after if update.is_written else None
