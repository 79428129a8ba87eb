"""Executions of the film workflow in Cloud Workflows."""

import json
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from promptreel.adapters.google_errors import translate_google_errors
from promptreel.errors import Broken, NotFound, VersionConflict

if TYPE_CHECKING:
    from google.cloud.workflows.executions_v1 import ExecutionsClient

TIMEOUT_S = 20.0


class WorkflowExecutions:
    """`Executions` of one workflow."""

    def __init__(self, project: str, region: str, workflow: str, url: str) -> None:
        """Make the client on first use; ``url`` is empty for Google's own address."""
        self._workflow = f"projects/{project}/locations/{region}/workflows/{workflow}"
        self._url = url

    def start(self, job_id: str, run: int) -> str:
        """Start an execution with the job and its run as argument."""
        from google.cloud.workflows.executions_v1 import Execution  # noqa: PLC0415 - cold start

        execution = Execution(argument=json.dumps({"job_id": job_id, "run": run}), labels={"job": job_id})
        with translate_google_errors("start execution"):
            return self._client.create_execution(parent=self._workflow, execution=execution, timeout=TIMEOUT_S).name

    def full_name(self, execution_id: str) -> str:
        """Return the full name of an execution of this workflow."""
        return f"{self._workflow}/executions/{execution_id}"

    def cancel(self, name: str) -> None:
        """Cancel an execution unless it has ended or is unknown."""
        with suppress(NotFound, VersionConflict, Broken), translate_google_errors("cancel execution"):
            self._client.cancel_execution(name=name, timeout=TIMEOUT_S)

    def is_active(self, name: str) -> bool:
        """Tell whether an execution runs or is queued."""
        from google.cloud.workflows.executions_v1 import Execution  # noqa: PLC0415 - cold start

        try:
            with translate_google_errors("look at execution"):
                state = self._client.get_execution(name=name, timeout=TIMEOUT_S).state
        except NotFound:
            return False
        return state in {Execution.State.ACTIVE, Execution.State.QUEUED}

    @cached_property
    def _client(self) -> "ExecutionsClient":
        from google.cloud.workflows.executions_v1 import ExecutionsClient  # noqa: PLC0415 - cold start

        if not self._url:
            return ExecutionsClient()
        import grpc  # noqa: PLC0415
        from google.cloud.workflows.executions_v1.services.executions.transports import (  # noqa: PLC0415
            ExecutionsGrpcTransport,
        )

        return ExecutionsClient(transport=ExecutionsGrpcTransport(channel=grpc.insecure_channel(self._url)))
