"""What a shell offers after TAB. `promptreel --install-completion` teaches it to the shell."""

from collections.abc import Callable
from typing import Any

from typer import Option

from client.api import connect
from client.errors import ClientError


def choice(values: str, help_text: str, *names: str) -> Any:
    """An option whose usual values are `a|b|c`: they are shown and completed; the server decides which are legal."""
    return Option(*names, metavar=values, help=help_text, autocompletion=_complete(values.split("|")))


def complete_job(incomplete: str) -> list[tuple[str, str]]:
    """The caller's newest jobs with their state; none where the API does not answer."""
    try:
        with connect() as client:
            jobs = client.jobs()["jobs"]
    except ClientError:
        return []
    return [(job["id"], f"{job['state']} {job['title'] or ''}") for job in jobs if job["id"].startswith(incomplete)]


def _complete(values: list[str]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [value for value in values if value.startswith(incomplete)]

    return complete
