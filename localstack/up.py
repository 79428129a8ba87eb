"""``python -m localcloud up``: run the whole stack as one process tree for as long as this command runs."""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
from rich.console import Console

from localstack.deployment import Deployment
from localstack.emulators import EmulatorMissing
from localstack.layout import PEOPLE, Layout, PortTaken, fixed_ports, free_ports, listeners
from localstack.programs import FIREBASE, OWN, service_programs, stand_in_programs, store_programs
from localstack.provisioning import Provisioner, ProvisioningRefused
from localstack.state_file import state_document, write_state
from localstack.supervisor import StartFailed, Supervisor
from localstack.terminal import StatusDisplay, print_welcome

ROOT = Path(__file__).parents[1]

# Unlike Google's, which last an hour: a shell that copied one keeps it for a day.
DAY_S = 24 * 3600
PERSON_TOKEN_S = DAY_S
RENEW_TOKENS_S = 12 * 3600


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state-file", type=Path, help="written when everything runs, then at every change")
    parser.add_argument("--profile", type=Path, help="latencies, quotas and time scale of the models' stand-ins (JSON)")
    parser.add_argument("--time-scale", type=_time_scale, default=0.05, help="factor on every wait (default: 0.05)")
    parser.add_argument("--date", type=_ahead_s, default=0, help="film on a later day, such as 2027-05-05 (UTC)")
    parser.add_argument("--run-dir", type=Path, help="logs and state; without it a new folder under .local/")
    parser.add_argument("--fixed-ports", action="store_true", help="ports from 9400 and project promptreel-local")
    parser.add_argument(
        "--emulators", choices=(OWN, FIREBASE), default=OWN, help="which keep documents and objects (default: own)"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to run (default: this one)")


def run(args: argparse.Namespace) -> int:
    console = Console()
    if args.state_file:
        args.state_file.unlink(missing_ok=True)  # one that a killed stack left behind would be read as this stack's
    try:
        layout = _layout(args)
        layout.clear_earlier_run()
        asyncio.run(Stack(layout, args.profile, args.state_file, console, args.emulators).run())
    except (PortTaken, EmulatorMissing) as exc:
        _print_error(str(exc))
        return 1
    except ExceptionGroup as failures:
        return _print_failures(failures)
    if args.run_dir is None and not args.fixed_ports:
        shutil.rmtree(layout.run_dir, ignore_errors=True)  # its logs are of no use after a normal end
    return 0


def _time_scale(text: str) -> float:
    scale = float(text)
    if not 0 < scale <= 1:
        raise argparse.ArgumentTypeError("a time scale is above 0 and at most 1, Google's own time")
    return scale


def _ahead_s(text: str) -> int:
    """Seconds from now to the same time of that day."""
    days = (date.fromisoformat(text) - datetime.now(UTC).date()).days
    if days < 0:
        raise argparse.ArgumentTypeError(f"{text} is over; only a later day can be tried")
    return days * DAY_S


def _layout(args: argparse.Namespace) -> Layout:
    root = args.root.resolve()
    deployment = Deployment.read(root / "infra" / "config")
    chance = random.SystemRandom()
    firestore_host = os.environ.get("FIRESTORE_EMULATOR_HOST") if args.emulators == OWN else None
    names = [name for name in listeners(deployment) if name != "firestore" or not firestore_host]
    project = "promptreel-local" if args.fixed_ports else f"local-{chance.randbytes(3).hex()}"
    ports = fixed_ports(names) if args.fixed_ports else free_ports(names, chance)
    run_dir: Path = (args.run_dir or root / ".local" / project).resolve()
    run_dir.mkdir(parents=True, exist_ok=True)
    return Layout(
        root=root,
        run_dir=run_dir,
        project=project,
        pace=args.time_scale,
        deployment=deployment,
        ports=ports,
        inherited=dict(os.environ),
        firestore_host=firestore_host or f"127.0.0.1:{ports['firestore']}",
        clock_ahead_s=args.date,
    )


def _print_failures(failures: ExceptionGroup[Exception]) -> int:
    expected, others = failures.split((StartFailed, ProvisioningRefused))
    if others:
        raise others
    for failure in _leaves(expected):
        _print_error(str(failure))
        if isinstance(failure, StartFailed):
            sys.stderr.write(f"The last lines of {failure.log}:\n{failure.last_lines()}\n")
    return 1


def _leaves(failure: BaseException | None) -> list[BaseException]:
    if isinstance(failure, BaseExceptionGroup):
        return [leaf for inner in failure.exceptions for leaf in _leaves(inner)]
    return [failure] if failure else []


def _print_error(sentence: str) -> None:
    sys.stderr.write(f"localcloud up: {sentence}\n")


@dataclass(slots=True)
class Stack:
    """Starts the emulators, the stand-ins and the product, provisions them, and keeps them running."""

    layout: Layout
    profile: Path | None
    state_file: Path | None
    console: Console
    emulators: str = OWN
    tokens: dict[str, str] = field(default_factory=dict)
    """Filled when everything runs; until then the state file is not written."""
    pids: dict[str, int] = field(default_factory=dict)
    """The last process of each program: during a restart its name stays in the state file."""

    async def run(self) -> None:
        """Return after a stop signal, with everything stopped.

        Raises:
            EmulatorMissing: this machine cannot run the stack.
            ExceptionGroup: of `StartFailed` or `ProvisioningRefused`, after everything is stopped.
        """
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        display = StatusDisplay(self.console)
        supervisor = Supervisor(
            self.layout.logs, on_change=lambda: self._publish(supervisor.pids), on_event=display.show
        )
        try:
            with display:
                await self._run_until(stop, supervisor)
        finally:
            if self.state_file:
                self.state_file.unlink(missing_ok=True)

    async def _run_until(self, stop: asyncio.Event, supervisor: Supervisor) -> None:
        async with supervisor, httpx.AsyncClient(trust_env=False, timeout=30) as client:
            running = asyncio.create_task(self._run_programs(supervisor, Provisioner(self.layout, client)))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait((running, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                self.console.print("stopping …")
            stopping.cancel()
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running

    async def _run_programs(self, supervisor: Supervisor, provisioner: Provisioner) -> None:
        # All start at once: a program calls another only when it has work, and every start costs CPU.
        programs = [
            *store_programs(self.layout, self.emulators),
            *stand_in_programs(self.layout, self.profile),
            *service_programs(self.layout),
        ]
        # Run after each start: a restarted stand-in may have lost what Google would have kept.
        provisioning = {
            "storage": provisioner.buckets,
            "tasks": provisioner.queues,
            "scheduler": provisioner.schedules,
            "workflows": provisioner.workflow,
        }
        async with asyncio.TaskGroup() as group:
            for program in programs:
                group.create_task(supervisor.keep_running(program, provisioning.get(program.name)))
            await supervisor.wait_until_healthy(program.name for program in programs)
            await self._renew_tokens(supervisor, provisioner)
            print_welcome(self.console, self.layout, self.tokens)
            while True:
                await asyncio.sleep(RENEW_TOKENS_S)
                await self._renew_tokens(supervisor, provisioner)

    async def _renew_tokens(self, supervisor: Supervisor, provisioner: Provisioner) -> None:
        audience = self.layout.url("api")
        self.tokens = {
            role: await provisioner.person_token(email, audience, PERSON_TOKEN_S) for role, email in PEOPLE.items()
        }
        self._publish(supervisor.pids)

    def _publish(self, pids: Mapping[str, int]) -> None:
        """Nothing is published before everything runs: a reader of the state file may use all of the stack."""
        self.pids |= pids
        if self.state_file and self.tokens:
            write_state(self.state_file, state_document(self.layout, self.pids, self.tokens))
