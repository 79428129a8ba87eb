"""Functions that reach what no laptop has, a Kubernetes cluster or Cloud Build: they deploy, and fail when called."""

from collections.abc import Awaitable, Callable

from localcloud.workflows.faults import fault
from localcloud.workflows.program.frames import Run
from localcloud.workflows.stdlib.functions import Namespace
from localcloud.workflows.values import Value

namespace = Namespace()

_CLUSTER: dict[str, Value] = {"project": None, "namespace": None, "connector_params": None, "timeout": None}


def _absent(name: str) -> Callable[..., Awaitable[Value]]:
    async def fail(_run: Run, *_arguments: Value) -> Value:
        raise fault("SystemError", f"{name} is not part of this local stand-in")

    return fail


def _declare(name: str, *required: str, **optional: Value) -> None:
    namespace.blocking(name, *required, **optional)(_absent(name))


_declare("gke.request", "cluster_id", "location", "path", **_CLUSTER, method="GET", body=None, headers=None, query=None)
_declare("gke.create_job", "cluster_id", "location", "job", **_CLUSTER, query=None)
_declare("gke.await_job", "cluster_id", "location", "job_name", **_CLUSTER)
_declare("gke.delete_job", "cluster_id", "location", "job_name", **_CLUSTER, query=None)
_declare("shell.gcloud", "args", location=None, env=None, skip_logging=None)
_declare("shell.kubectl", "args", location=None, env=None, skip_logging=None)
