"""The product's adapters before the stand-ins, with the fixtures of the stand-ins' own tests."""

from localcloud.tests.identity.conftest import metadata_ports, object_store, place, state_dir
from localcloud.tests.replicate.conftest import replicate, shared_replicate
from localcloud.tests.secretmanager.conftest import keys_dir, options, secret_manager, token_of
from localcloud.tests.tasks.conftest import connect, grpc_port, metadata, running, worker
from localcloud.tests.vertex.conftest import shared_vertex, vertex
from localcloud.tests.workflows.service.conftest import launch, stand_in

__all__ = (
    "connect",
    "grpc_port",
    "keys_dir",
    "launch",
    "metadata",
    "metadata_ports",
    "object_store",
    "options",
    "place",
    "replicate",
    "running",
    "secret_manager",
    "shared_replicate",
    "shared_vertex",
    "stand_in",
    "state_dir",
    "token_of",
    "vertex",
    "worker",
)
