"""A stack that runs already, found by its state file: what `localcloud logs` and `localcloud kill` start from."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

USUAL_STATE_FILE = Path(".local/state.json")  # where `make up` writes it


class NotRunning(Exception):
    """No stack, or no such program in it; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class RunningStack:
    state: dict[str, Any]

    @classmethod
    def read(cls, state_file: Path) -> Self:
        """Raises: NotRunning."""
        try:
            return cls(json.loads(state_file.read_text()))
        except FileNotFoundError as exc:
            raise NotRunning(
                f"{state_file} does not exist: no stack runs, or it was started with another file"
            ) from exc

    @property
    def names(self) -> list[str]:
        return sorted(self.state["processes"])

    @property
    def mark(self) -> str:
        """What every process of this stack, and no other, has in its environment as CLOUDSDK_CONFIG."""
        return str(self.state["env"]["CLOUDSDK_CONFIG"])

    def pid(self, name: str) -> int:
        """Raises: NotRunning."""
        return int(self.state["processes"][self.known(name)])

    def log(self, name: str) -> Path:
        """Raises: NotRunning."""
        return Path(self.state["logs"]) / f"{self.known(name)}.log"

    def known(self, name: str) -> str:
        if name not in self.state["processes"]:
            raise NotRunning(f"there is no program {name!r}; there are {', '.join(self.names)}")
        return name


def add_state_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--state-file", type=Path, default=USUAL_STATE_FILE, help=f"of the running stack (default: {USUAL_STATE_FILE})"
    )
