"""Cloud Workflows on loopback: source text → program → execution, behind the service's own REST and gRPC surface.

``loader`` reads the source, ``compiler`` turns it into a ``program`` (refusing what the service refuses at deploy),
``stdlib`` is the standard library, and ``deployments`` and ``executions`` are the two services over them. Nothing here
knows what the workflows are about.
"""
