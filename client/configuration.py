"""Settings of the command: from an option, the environment, or the user's own file, in this order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
import yaml

from client.errors import InvalidInput

API: Final = "PROMPTREEL_API"
TOKEN: Final = "PROMPTREEL_TOKEN"  # noqa: S105 - the name of a setting
TOKEN_COMMAND: Final = "PROMPTREEL_TOKEN_COMMAND"  # noqa: S105 - likewise
DEBUG: Final = "PROMPTREEL_DEBUG"  # show the traceback of a defect

# What the file may hold, and the environment variable that comes before it. A token is no setting: it ends in an hour.
NAMES: Final = {"api": API, "token_command": TOKEN_COMMAND}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and where it was found; both None where it is not set."""

    value: str | None
    source: str | None


def settings_file() -> Path:
    """The user's own file of settings, which need not exist."""
    return Path(typer.get_app_dir("promptreel")) / "config.yaml"


def find_setting(name: str, given: str = "") -> Setting:
    """The value of `api` or `token_command`: as given, else of the environment, else of the file."""
    variable, file = NAMES[name], settings_file()
    environment = os.environ.get(variable, "")
    # The parser fills an option that was not given from the environment.
    for value, source in ((given if given != environment else "", "option"), (environment, variable)):
        if value.strip():
            return Setting(value.strip(), source)
    stored = read_settings(file).get(name)
    return Setting(stored, str(file)) if stored else Setting(None, None)


def read_settings(file: Path) -> dict[str, str]:
    """Read the file; it need not exist. Raises: InvalidInput that names the file and what is wrong in it."""
    try:
        read = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.", "Correct or delete the file.") from error
    if read is None:
        return {}
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise InvalidInput(f"{file} must contain lines like `api: https://…`.", "Correct or delete the file.")
    for name in read:
        check_name(name, f"{file}: ")
    return read


def store_setting(name: str, value: str | None) -> None:
    """Store a setting in the user's file, or remove it (None). Raises: InvalidInput for a name that is not known."""
    check_name(name)
    file = settings_file()
    wanted: Mapping[str, str | None] = {**read_settings(file), name: value}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump({key: one for key, one in wanted.items() if one is not None}, allow_unicode=True)
        part = file.with_name(f".{file.name}.part")
        part.write_text(text, encoding="utf-8")
        part.replace(file)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be written: {error}.") from error


def check_name(name: str, where: str = "") -> None:
    """Raises: InvalidInput for a setting that the file does not hold."""
    if name not in NAMES:
        remedy = f"The settings are {' and '.join(NAMES)}."
        if name == "token":
            remedy = f"A token ends after an hour, so it is not stored. {remedy} token_command prints a new one."
        raise InvalidInput(f"{where}there is no setting {name!r}.", remedy)
