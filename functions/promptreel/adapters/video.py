"""Every video model behind one port: the protocol of a model says which backend films with it."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from promptreel.domain.models import VideoProtocol, registry
from promptreel.errors import PromptreelError, Refused
from promptreel.ports.models import LostSubmit, Operation, OperationState, VideoRequest

POLLS_AT_ONCE = 16  # 60 clips at 2.5 s each take 10 s, and 13 s while four polls hang


class VideoBackend(Protocol):
    """One provider's API."""

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call and return the operation's name. Raises: Unpaid, Refused, AnswerLost."""

    def poll(self, operation: Operation) -> OperationState:
        """Return the state of one operation. Raises: Transient; NotFound when it is unknown."""

    def find(self, lost: LostSubmit) -> Operation | None:  # noqa: ARG002 - for backends that list their operations
        """Return the operation of a submit whose answer was lost. Raises: Transient.

        None where the provider cannot tell: then only the clip itself, below its prefix, tells of the operation.
        """
        return None

    def connect(self) -> None:
        """Make the client, and import what it needs: before a paid call is claimed, and before several threads."""


class VideoBackends:
    """A `VideoGenerator` over the backends of this deployment, by protocol."""

    def __init__(self, backends: Mapping[VideoProtocol, VideoBackend]) -> None:
        """Take the backends that are switched on."""
        self._backends = backends

    def submit(self, request: VideoRequest, output_uri: str, timeout_s: float) -> str:
        """Make one paid call whose clip is written below ``output_uri``."""
        backend = self._find(request.model)
        if backend is None:
            raise Refused(f"film: the backend of {request.model} is switched off here.", codes=("model_unavailable",))
        return backend.submit(request, output_uri, timeout_s)

    def connect(self, model_id: str) -> None:
        """Make the client of the model's backend, where that is switched on."""
        backend = self._find(model_id)
        if backend is not None:
            backend.connect()

    def find(self, lost: LostSubmit) -> Operation | None:
        """Return the operation of a submit whose answer was lost; None where its provider cannot tell."""
        backend = self._find(lost.model)
        return backend.find(lost) if backend else None

    def poll_all(
        self, operations: Iterable[Operation], within_s: float
    ) -> Mapping[str, OperationState | PromptreelError]:
        """Poll at the same time. A poll that is not answered in time ends later, by its own timeout."""
        found = {operation: self._find(operation.model) for operation in operations}
        wanted = {operation: backend for operation, backend in found.items() if backend}
        if not wanted:
            return {}
        for backend in set(wanted.values()):
            backend.connect()
        pool = ThreadPoolExecutor(min(POLLS_AT_ONCE, len(wanted)))
        polls = {operation.name: pool.submit(backend.poll, operation) for operation, backend in wanted.items()}
        done, _ = wait(polls.values(), timeout=within_s)
        pool.shutdown(wait=False, cancel_futures=True)
        return {name: _result_or_error(poll) for name, poll in polls.items() if poll in done}

    def _find(self, model_id: str) -> VideoBackend | None:
        return self._backends.get(registry().video_model(model_id).protocol)


def _result_or_error(poll: "Future[OperationState]") -> OperationState | PromptreelError:
    error = poll.exception()
    return error if isinstance(error, PromptreelError) else poll.result()
