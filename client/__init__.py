"""The `promptreel` command and a small Python client for promptreel's HTTPS API.

    from client import PromptreelClient, AsyncPromptreelClient

The client speaks HTTP only, and knows nothing of `promptreel` or `localcloud`.
"""

from client.api import AsyncPromptreelClient, PromptreelClient, connect
from client.errors import ClientError, InvalidInput, NotReachable, ProblemError

__all__ = [
    "AsyncPromptreelClient",
    "ClientError",
    "InvalidInput",
    "NotReachable",
    "ProblemError",
    "PromptreelClient",
    "connect",
]
