"""Which API to call, and as whom: read once, with a way out when something is missing."""

import os
import shlex
import subprocess

from client.api import PromptreelClient
from client.problems import Unusable

COMMAND = "PROMPTREEL_TOKEN_COMMAND"
_COMMAND_TIMEOUT_S = 60


def connect(api: str, token: str) -> PromptreelClient:
    """A client for these settings.

    The command in PROMPTREEL_TOKEN_COMMAND prints a token; it is run when no token is given and when one has expired.

    Raises: Unusable naming everything that is missing.
    """
    command = os.environ.get(COMMAND, "").strip()
    missing = [
        name for name, value in (("PROMPTREEL_API", api), ("PROMPTREEL_TOKEN", token or command)) if not value.strip()
    ]
    if missing:
        raise Unusable(
            f"{' and '.join(missing)} not set: I do not know {'which API to call' if not api else 'who you are'}.",
            remedy="On your own machine `python -m localcloud up` prints both as export lines. For a deployed API use "
            f"its https address, and {COMMAND}='gcloud auth print-identity-token' for the token. "
            "--api and --token do the same for one command.",
        )
    if not command:
        return PromptreelClient(api.strip(), token.strip())
    return PromptreelClient(api.strip(), token.strip() or _print_token(command), renew=lambda: _print_token(command))


def _print_token(command: str) -> str:
    """What the command prints. Raises: Unusable when it fails or prints nothing."""
    try:
        ran = subprocess.run(
            shlex.split(command), capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Unusable(f"{COMMAND} failed: {error}.", remedy="Run it in a shell to see why.") from error
    if not ran.stdout.strip():
        raise Unusable(f"{COMMAND} printed no token.", remedy="Run it in a shell to see why.")
    return ran.stdout.strip()
