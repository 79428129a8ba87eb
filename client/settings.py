"""Which API to call, and as whom: read once, with a way out when something is missing."""

from client.api import PromptreelClient
from client.problems import Unusable


def connect(api: str, token: str) -> PromptreelClient:
    """A client for these settings. Raises: Unusable naming everything that is missing."""
    missing = [name for name, value in (("PROMPTREEL_API", api), ("PROMPTREEL_TOKEN", token)) if not value.strip()]
    if missing:
        raise Unusable(
            f"{' and '.join(missing)} not set: I do not know {'which API to call' if not api else 'who you are'}.",
            remedy="On your own machine `python -m localcloud up` prints both as export lines. For a deployed API use "
            "its https address, and `gcloud auth print-identity-token` for the token. "
            "--api and --token do the same for one command.",
        )
    return PromptreelClient(api.strip(), token.strip())
