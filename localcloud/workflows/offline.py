"""``workflows check`` and ``workflows run``: a source file without any service around it."""

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path

from localcloud.workflows import engine
from localcloud.workflows.client import HttpClient
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.hostmap import HostMap
from localcloud.workflows.identity import identity_from
from localcloud.workflows.problems import SourceRefused
from localcloud.workflows.program.blocks import Program
from localcloud.workflows.program.calls import MISSING
from localcloud.workflows.values import Value, from_json
from localcloud.workflows.world import RealWorld


def configure(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = actions.add_parser("check", help="make the checks of a deploy; exit 1 if a file would be refused")
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    run = actions.add_parser("run", help="run a file once; its result on stdout, exit 1 if it fails")
    run.add_argument("file", type=Path, metavar="FILE")
    run.add_argument("--data", type=_json, default=MISSING, metavar="JSON", help="the argument of main")
    run.add_argument("--env", type=_pair, action="append", default=[], metavar="NAME=VALUE")
    run.add_argument("--host-map", type=Path, metavar="FILE", help="JSON object of origin to origin")


def check(files: list[Path]) -> int:
    """Complain as compilers do, ``FILE:LINE:COLUMN: message``."""
    programs = [_program(file) for file in files]
    return int(None in programs)


def run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    program = _program(arguments.file)
    if program is None:
        return 1
    hosts = HostMap(HostMap.read(arguments.host_map) if arguments.host_map else {})
    outcome = asyncio.run(_once(program, arguments.data, dict(arguments.env), hosts))
    if isinstance(outcome, engine.Failed):
        sys.stderr.write(f"{outcome.error['context']}\n")
        return 1
    sys.stdout.write(f"{outcome.result}\n")
    return 0


async def _once(program: Program, argument: Value, env: dict[str, str], hosts: HostMap) -> engine.Outcome:
    client = HttpClient(hosts, identity_from(os.environ.get("GCE_METADATA_HOST", "")))
    try:
        return await engine.execute(engine.start(program, RealWorld(client), env), argument)
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
