"""Edits of a plan, from a command's options to the API's JSON. The server decides which edits are legal."""

from collections.abc import Mapping, Sequence
from typing import Any

from client.documents import Job
from client.errors import InvalidInput


def read_revision(job: Job) -> int:
    """The revision of the plan of a job that waits. Raises: InvalidInput when the job waits nowhere."""
    gate = job.get("gate")
    if gate is None:
        raise InvalidInput(
            f"{job['id']} does not wait for approval: it is {job['state']}.",
            remedy="Only a film that was submitted with --approval or --stop-after can be changed, while it waits.",
        )
    return gate.get("revision", 1)


def build_edit(scene: str | None, fields: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Build an edit of one scene, of characters, settings and props (`NAME=TEXT`), and of the order (`ID,ID`).

    Raises: InvalidInput when options contradict one another, or change nothing.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    if bool(scene) != bool(given):
        raise InvalidInput(
            "--scene goes with what is to change in it.",
            remedy='For example: --scene scene-02 --motion "The door opens slowly." --duration 6',
        )
    edit = {
        "scenes": [{"scene": scene, **given}] if scene else None,
        "characters": _join(
            _named("character", options["characters"]), _named("clothing", options["clothing"], "clothing")
        ),
        "settings": _named("setting", options["settings"]),
        "props": _named("prop", options["props"]),
        "order": [one.strip() for one in options["order"].split(",")] if options["order"] else None,
        "budget_usd": None if options["budget_usd"] is None else str(options["budget_usd"]),
    }
    wanted = {name: value for name, value in edit.items() if value}
    if not wanted:
        raise InvalidInput("There is nothing to change.", remedy="See: promptreel edit --help")
    return wanted


def _join(looks: list[dict[str, str]], clothing: list[dict[str, str]]) -> list[dict[str, str]]:
    """One edit for each character, of looks, clothing or both; a name that is given twice is left to the server."""
    clothes = {one["name"]: one for one in clothing}
    if len(clothes) < len(clothing):
        return [*looks, *clothing]
    joined = [{**one, **clothes.pop(one["name"], {})} for one in looks]
    return [*joined, *clothes.values()]


def _named(option: str, values: Sequence[str] | None, field: str = "description") -> list[dict[str, str]]:
    parts = [value.partition("=") for value in values or ()]
    if not all(separator for _, separator, _ in parts):
        raise InvalidInput(f"--{option} has no =.", remedy=f'For example: --{option} "Mira=a red coat"')
    return [{"name": name.strip(), field: text.strip()} for name, _, text in parts]
