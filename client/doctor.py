"""What is missing on this machine or in the deployment before a film can be made, and how to get it."""

import platform
import sys
import time
import webbrowser
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from client.api import PromptreelClient
from client.configuration import API, find_setting, settings_file
from client.documents import ModelList
from client.errors import ClientError
from client.fonts import list_fonts
from client.tokens import TokenSource, read_claims, token_source
from client.views import plain
from client.web_address import parse_address

State = Literal["ok", "note", "missing"]
KINDS = ("text", "image", "video")  # a film needs one model of each
_MARKS: dict[State, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "note": ("note", "yellow"),
    "missing": ("MISSING", "red"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; only ``missing`` keeps a film from being made."""

    name: str
    state: State
    message: str
    remedy: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def examine(api: str, token: str) -> Iterator[Finding]:
    """Yield what was found, in the order in which it is needed; what depends on a missing thing is left out."""
    yield Finding("promptreel", "ok", f"{version('promptreel')}, Python {platform.python_version()} on {sys.platform}")
    yield from _examine_machine()
    try:
        address = find_setting("api", api)
        if address.value is None:
            remedy = "promptreel config api https://ADDRESS; on your own machine `make up` prints one."
            yield Finding("address", "missing", f"{API} is not set.", remedy)
            return
        url = parse_address(address.value)
        yield Finding("address", "ok", f"{address.value} (from {address.source})")
    except ClientError as error:
        yield _missing("address", error)
        return
    try:
        source = token_source(url, token, find_setting("token_command").value)
        first = token or source.get()
    except ClientError as error:
        yield _missing("token", error)
        return
    yield _describe_token(source, first)
    yield from _examine_api(address.value, source, first)


def findings_view(findings: list[Finding]) -> RenderableType:
    """Draw one row for each finding, with what to do below the message."""
    table = Table.grid(padding=(0, 2))
    for one in findings:
        word, style = _MARKS[one.state]
        message = Text(plain(one.message))
        if one.remedy:
            message.append(f"\n{plain(one.remedy)}", style="dim")
        table.add_row(Text(word, style=style), Text(one.name, style="bold", no_wrap=True), message)
    return table


def _missing(name: str, error: ClientError) -> Finding:
    return Finding(name, "missing", error.message, error.remedy or None)


def _examine_machine() -> Iterator[Finding]:
    try:
        webbrowser.get()
    except webbrowser.Error:
        remedy = "promptreel open prints the address instead; promptreel download saves the film."
        yield Finding("browser", "note", "there is none on this machine.", remedy)
    if not list_fonts():
        remedy = "Install fonts, such as fonts-dejavu or Noto, for promptreel plan --pdf; --html needs none."
        yield Finding("fonts", "note", "there are none on this machine.", remedy)
    if settings_file().is_file():
        yield Finding("settings", "ok", str(settings_file()))


def _describe_token(source: TokenSource, token: str) -> Finding:
    claims = read_claims(token)
    who = f" for {claims['email']}" if claims.get("email") else ""
    ends = claims.get("exp")
    if not isinstance(ends, int | float):
        return Finding("token", "ok", f"from {source.name}{who}")
    left_s = ends - datetime.now(UTC).timestamp()
    if left_s > 0:
        return Finding("token", "ok", f"from {source.name}{who}, valid for {left_s / 60:.0f} minutes")
    remedy = None if source.is_renewable else "Set PROMPTREEL_TOKEN to a new one, or promptreel config token_command."
    return Finding("token", "note" if source.is_renewable else "missing", f"from {source.name}{who}, expired.", remedy)


def _examine_api(address: str, source: TokenSource, token: str) -> Iterator[Finding]:
    renew = source.get if source.is_renewable else None
    with PromptreelClient(address, token, renew=renew) as client:
        began = time.perf_counter()
        try:
            found = client.models()
        except ClientError as error:
            yield _missing("API", error)
            return
        yield Finding("API", "ok", f"answered in {(time.perf_counter() - began) * 1000:.0f} ms, and accepts the token")
    yield from _examine_models(found)


def _examine_models(found: ModelList) -> Iterator[Finding]:
    for kind in KINDS:
        models = [model for model in found["models"] if model["kind"] == kind]
        usable = [model["id"] for model in models if not model["obstacle"] and not model["has_ended"]]
        remedies = dict.fromkeys(model["obstacle"]["remedy"] for model in models if model["obstacle"])
        if usable:
            yield Finding(f"{kind} model", "ok", ", ".join(usable))
        else:
            yield Finding(f"{kind} model", "missing", "none can be used here.", " ".join(remedies) or None)
