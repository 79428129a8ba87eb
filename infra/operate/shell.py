"""The only module that starts other programs; a dry run prints the commands instead."""

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"


class CommandFailed(Exception):
    """A program failed; it has printed the reason."""


@dataclass
class Shell:
    dry_run: bool
    """Print the commands; answers are their own names in angle brackets."""

    def run(self, *argv: str, tolerated: bool = False) -> bool:
        """Run a program; return whether it succeeded. Raises: CommandFailed, unless a failure is tolerated."""
        self.say(f"+ {shlex.join(argv)}")
        if self.dry_run:
            return True
        succeeded = subprocess.run(self._real(argv), cwd=ROOT, check=False).returncode == 0
        if not (succeeded or tolerated):
            raise CommandFailed(shlex.join(argv))
        return succeeded

    def ask(self, *argv: str, answer: str, tolerated: bool = False) -> str:
        """Run a program; return its output, or ``<answer>`` in a dry run. Raises: CommandFailed, unless tolerated."""
        self.say(f"+ {shlex.join(argv)}")
        if self.dry_run:
            return f"<{answer}>"
        done = subprocess.run(self._real(argv), cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
        if done.returncode and not tolerated:
            raise CommandFailed(shlex.join(argv))
        return "" if done.returncode else done.stdout.strip()

    def confirmed(self, question: str, word: str) -> bool:
        """Ask the operator; return whether they typed the word."""
        sys.stdout.write(f"{question} Type {word!r} to continue: ")
        sys.stdout.flush()
        if self.dry_run:
            sys.stdout.write("\n")
            return True
        return sys.stdin.readline().strip() == word

    def say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def wait(self, seconds: float) -> None:
        if not self.dry_run:
            time.sleep(seconds)

    def _real(self, argv: Sequence[str]) -> list[str]:
        if argv[0] == "terraform" and shutil.which("terraform") is None:
            return [sys.executable, str(INFRA / "operate/terraform.py"), *argv[1:]]
        return list(argv)
