"""What a person in the terminal sees of the stack."""

import shlex

from rich.console import Console
from rich.table import Table

from localstack.site import Site
from localstack.statefile import shell_env


def addresses(site: Site) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("part")
    table.add_column("address")
    for name in ("api", "workflows", "vertex", "tasks", "storage", "media", "stitcher"):
        table.add_row(name, site.url(name))
    table.add_row("firestore", site.firestore_host)
    table.add_row("logs", str(site.logs))
    return table


def exports(site: Site, tokens: dict[str, str]) -> str:
    """Lines for a shell; whole and unwrapped, because they are there to be copied."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in shell_env(site, tokens).items())


def announce(console: Console, site: Site, tokens: dict[str, str]) -> None:
    console.print(f"\n[bold]The local stack is up[/bold] (project {site.project}). Ctrl-C stops it.\n")
    console.print(addresses(site))
    console.print("\nFor gcloud, the client libraries and `promptreel` in another shell:\n")
    console.print(exports(site, tokens), soft_wrap=True, highlight=False, markup=False)
