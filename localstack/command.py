"""``python -m localcloud up``: the whole stack in one process tree, for as long as this command runs."""

import argparse
import asyncio
import os
import random
import shutil
import sys
from pathlib import Path

from rich.console import Console

from localstack.deployment import Deployment
from localstack.firestore import EmulatorMissing
from localstack.objectstore import ObjectStoreMissing
from localstack.ports import PortTaken, fixed_ports, free_ports
from localstack.provisioning import ProvisioningRefused
from localstack.site import Site, listeners
from localstack.stack import Stack
from localstack.stores import FIREBASE, OWN
from localstack.supervision import GaveUp

ROOT = Path(__file__).parents[1]


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state-file", type=Path, help="written when everything runs, then at every change")
    parser.add_argument("--profile", type=Path, help="the fake Vertex's latencies, quotas and time scale (JSON)")
    parser.add_argument("--time-scale", type=_pace, default=0.05, help="factor on every wait (default: 0.05)")
    parser.add_argument("--run-dir", type=Path, help="logs and state; without it a new folder under .local/")
    parser.add_argument("--fixed-ports", action="store_true", help="ports from 9400 and project promptreel-local")
    parser.add_argument(
        "--emulators", choices=(OWN, FIREBASE), default=OWN, help="who keeps documents and objects (default: own)"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to run (default: this one)")


def run(args: argparse.Namespace) -> int:
    console = Console()
    if args.state_file:
        args.state_file.unlink(missing_ok=True)  # a stack that was killed left it, and it would be believed
    try:
        site = _site(args)
        site.emptied()
        asyncio.run(Stack(site, args.profile, args.state_file, console, args.emulators).run())
    except (PortTaken, EmulatorMissing, ObjectStoreMissing) as exc:
        _complain(str(exc))
        return 1
    except ExceptionGroup as failures:
        return _give_up(failures)
    if args.run_dir is None and not args.fixed_ports:
        shutil.rmtree(site.run_dir, ignore_errors=True)  # after a good end nobody reads its logs
    return 0


def _pace(text: str) -> float:
    pace = float(text)
    if not 0 < pace <= 1:
        raise argparse.ArgumentTypeError("a time scale is above 0 and at most 1, Google's own time")
    return pace


def _site(args: argparse.Namespace) -> Site:
    root = args.root.resolve()
    deployment = Deployment.read(root / "infra" / "config")
    chance = random.SystemRandom()
    firestore_host = os.environ.get("FIRESTORE_EMULATOR_HOST") if args.emulators == OWN else None
    names = [name for name in listeners(deployment) if name != "firestore" or not firestore_host]
    project = "promptreel-local" if args.fixed_ports else f"local-{chance.randbytes(3).hex()}"
    ports = fixed_ports(names) if args.fixed_ports else free_ports(names, chance)
    run_dir: Path = (args.run_dir or root / ".local" / project).resolve()
    run_dir.mkdir(parents=True, exist_ok=True)
    return Site(
        root=root,
        run_dir=run_dir,
        project=project,
        pace=args.time_scale,
        deployment=deployment,
        ports=ports,
        inherited=dict(os.environ),
        firestore_host=firestore_host or f"127.0.0.1:{ports['firestore']}",
    )


def _give_up(failures: ExceptionGroup[Exception]) -> int:
    expected, others = failures.split((GaveUp, ProvisioningRefused))
    if others:
        raise others
    for failure in _leaves(expected):
        _complain(str(failure))
        if isinstance(failure, GaveUp):
            sys.stderr.write(f"The last lines of {failure.log}:\n{failure.last_lines()}\n")
    return 1


def _leaves(failure: BaseException | None) -> list[BaseException]:
    if isinstance(failure, BaseExceptionGroup):
        return [leaf for inner in failure.exceptions for leaf in _leaves(inner)]
    return [failure] if failure else []


def _complain(sentence: str) -> None:
    sys.stderr.write(f"localcloud up: {sentence}\n")
