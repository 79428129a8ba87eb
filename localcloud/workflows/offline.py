"""``workflows check`` and ``workflows run``: a source file without any service around it."""

import argparse
import asyncio
import json
import logging
import os
import sys
import uuid
from pathlib import Path

from localcloud.workflows import engine
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.deployments import Deployed
from localcloud.workflows.execution import environment
from localcloud.workflows.faults import SourceRefused
from localcloud.workflows.hostmap import HostMap, emulated
from localcloud.workflows.identity import identity_from
from localcloud.workflows.program.blocks import Program
from localcloud.workflows.program.calls import MISSING
from localcloud.workflows.runtime import HttpClient, LocalRuntime
from localcloud.workflows.values import Value, from_json

HOST_MAP_HELP = "JSON object of origin to origin, such as https://x.run.app to http://127.0.0.1:8080"
INTERRUPTED = 130  # what shells report for Ctrl-C


def configure(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = actions.add_parser("check", help="make the checks of a deploy; exit status 1 if a file would be refused")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    run = actions.add_parser(
        "run", help="run a file once: its result on stdout, its log on stderr; exit status 1 if it fails"
    )
    run.add_argument("file", type=Path, metavar="FILE")
    run.add_argument("--data", type=_json, default=MISSING, metavar="JSON", help="the argument of main")
    run.add_argument("--env", type=_pair, action="append", default=[], metavar="NAME=VALUE")
    run.add_argument("--host-map", type=host_map, default={}, metavar="FILE", help=HOST_MAP_HELP)


def check(files: list[Path]) -> int:
    """Complain as compilers do, ``FILE:LINE:COLUMN: message``."""
    programs = [_program(file) for file in files]
    return int(None in programs)


def run(arguments: argparse.Namespace) -> int:
    """The result on stdout; what the workflow logs, and how it failed, on stderr."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    logging.getLogger("localcloud.workflows.runtime").setLevel(logging.INFO)
    program = _program(arguments.file)
    if program is None:
        return 1
    hosts = HostMap(emulated(os.environ) | arguments.host_map)
    try:
        outcome = asyncio.run(_once(program, arguments.data, _environment(arguments, program), hosts))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    if isinstance(outcome, engine.Failed):
        sys.stderr.write(f"{outcome.error['context']}\n{_details(outcome.error['payload'])}")
        return 1
    sys.stdout.write(f"{outcome.result}\n")
    return 0


def _environment(arguments: argparse.Namespace, program: Program) -> dict[str, str]:
    """The variables given, and the service's own as in a project called ``local``."""
    name = f"projects/local/locations/us-central1/workflows/{arguments.file.stem}"
    resource = {"name": name, "revisionId": "000001-000", "userEnvVars": dict(arguments.env)}
    return environment(Deployed(resource, program), str(uuid.uuid4()))


def _details(payload: str) -> str:
    """The whole error where it says more than its message does, such as the answer of a failed request."""
    error = json.loads(payload)
    says_more = isinstance(error, dict) and "message" in error and not error.keys() <= {"message", "tags"}
    return f"{payload}\n" if says_more else ""


async def _once(program: Program, argument: Value, env: dict[str, str], hosts: HostMap) -> engine.Outcome:
    client = HttpClient(hosts, identity_from(os.environ.get("GCE_METADATA_HOST", "")))
    try:
        return await engine.execute(engine.start(program, LocalRuntime(client), env), argument)
    finally:
        await client.close()


def _program(file: Path) -> Program | None:
    try:
        return compile_source(file.read_text(encoding="utf-8"))
    except SourceRefused as refused:
        for problem in refused.problems:
            sys.stderr.write(f"{file}:{problem.at.line}:{problem.at.column}: {problem.message}\n")
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{file}: {error}\n")
    return None


def host_map(text: str) -> dict[str, str]:
    """A host map's file, read and checked, as argparse wants it."""
    try:
        found = HostMap.read(Path(text))
        HostMap(found)
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return found


def _json(text: str) -> Value:
    try:
        return from_json(text)
    except ValueError as error:
        msg = f"not JSON: {error}"
        raise argparse.ArgumentTypeError(msg) from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        msg = f"{text!r} is not NAME=VALUE"
        raise argparse.ArgumentTypeError(msg)
    return name, value
