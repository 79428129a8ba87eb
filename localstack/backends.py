"""The product's own processes: one for each function and container, as it would run on Cloud Run, but on loopback."""

import sys

from localcloud.serving import LOOPBACK
from localstack.deployment import Service, fill_all
from localstack.program import HANG_S, Program
from localstack.site import Site, backend_listener


def backend_programs(site: Site) -> list[Program]:
    return [_backend(site, service) for service in site.deployment.services]


def _backend(site: Site, service: Service) -> Program:
    listener = backend_listener(service.name)
    port = str(site.ports[listener])
    command = _function(service, port) if service.is_function else _container(service, port)
    return Program(
        name=service.name,
        argv=(sys.executable, "-m", *command),
        cwd=site.root,
        env={
            **site.base_env(),
            **fill_all(site.deployment.env, site.placeholders()),
            **site.identity_env(service.name),
            **site.store_env(),
            "THREADS": str(service.concurrency * service.instances),  # one process is all instances at once
            # gunicorn puts a control socket there; left to itself, all of them the same one in the home folder.
            "XDG_RUNTIME_DIR": str(site.folder("sockets", service.name)),
        },
        # The framework answers this path itself, with 404; any other would already call the function.
        health_urls=(f"{site.url(listener)}/robots.txt",),
        hang_s=HANG_S if service.is_function else None,
    )


def _function(service: Service, port: str) -> tuple[str, ...]:
    source = ("--source", "functions/main.py", "--signature-type", "http")
    return ("functions_framework", "--target", service.name, *source, "--host", LOOPBACK, "--port", port)


def _container(service: Service, port: str) -> tuple[str, ...]:
    """The Dockerfile's command. A container is given as many threads as its image says, not by its concurrency."""
    workers = ("--workers", "1", "--threads", "4", "--timeout", "0")
    return ("gunicorn", "--bind", f"{LOOPBACK}:{port}", *workers, f"{service.name}_service.main:app")
