"""The life of the stack: stand-ins, then what Terraform would create, then the product; until told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rich.console import Console

from localstack import report, statefile, stores
from localstack.backends import backend_programs
from localstack.provisioning import Provisioner
from localstack.site import PEOPLE, Site
from localstack.standins import stand_in_programs
from localstack.status import Board
from localstack.stores import store_programs
from localstack.supervision import Supervisor

# People's tokens outlive Google's hour: a shell keeps them a day.
PERSON_TOKEN_S = 24 * 3600
RENEW_TOKENS_S = 12 * 3600


@dataclass(slots=True)
class Stack:
    site: Site
    profile: Path | None
    state_file: Path | None
    console: Console
    emulators: str = stores.OWN
    tokens: dict[str, str] = field(default_factory=dict)
    """Filled when everything runs; until then the state file is not written."""
    pids: dict[str, int] = field(default_factory=dict)
    """The last process of each name: a restart takes a moment, in which its name does not disappear."""

    async def run(self) -> None:
        """Return when told to stop, with everything stopped.

        Raises:
            EmulatorMissing, ObjectStoreMissing: this machine cannot run the stack.
            ExceptionGroup: of `GaveUp` or `ProvisioningRefused`, after everything is stopped.
        """
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        board = Board(self.console)
        supervisor = Supervisor(self.site.logs, changed=lambda: self._publish(supervisor.pids), tell=board.tell)
        try:
            with board:
                await self._until_told(stop, supervisor)
        finally:
            if self.state_file:
                self.state_file.unlink(missing_ok=True)

    async def _until_told(self, stop: asyncio.Event, supervisor: Supervisor) -> None:
        async with supervisor, httpx.AsyncClient(trust_env=False, timeout=30) as client:
            life = asyncio.create_task(self._live(supervisor, Provisioner(self.site, client)))
            told = asyncio.create_task(stop.wait())
            await asyncio.wait((life, told), return_when=asyncio.FIRST_COMPLETED)
            if not life.done():
                self.console.print("stopping …")
            told.cancel()
            life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await life

    async def _live(self, supervisor: Supervisor, provisioner: Provisioner) -> None:
        # None waits for another: each asks the others only when it has something to do, and every start costs CPU.
        programs = [
            *store_programs(self.site, self.emulators),
            *stand_in_programs(self.site, self.profile),
            *backend_programs(self.site),
        ]
        # Again after each start: a stand-in may have forgotten what Google would not.
        hooks = {
            "storage": provisioner.buckets,
            "tasks": provisioner.queues,
            "scheduler": provisioner.schedules,
            "workflows": provisioner.workflow,
        }
        async with asyncio.TaskGroup() as kept:
            for program in programs:
                kept.create_task(supervisor.keep(program, hooks.get(program.name)))
            await supervisor.healthy(program.name for program in programs)
            await self._renew_tokens(supervisor, provisioner)
            report.announce(self.console, self.site, self.tokens)
            while True:
                await asyncio.sleep(RENEW_TOKENS_S)
                await self._renew_tokens(supervisor, provisioner)

    async def _renew_tokens(self, supervisor: Supervisor, provisioner: Provisioner) -> None:
        audience = self.site.url("api")
        self.tokens = {
            role: await provisioner.person_token(email, audience, PERSON_TOKEN_S) for role, email in PEOPLE.items()
        }
        self._publish(supervisor.pids)

    def _publish(self, pids: Mapping[str, int]) -> None:
        """Nothing is told before everything is there: who finds the file may use all of it."""
        self.pids |= pids
        if self.state_file and self.tokens:
            statefile.replace(self.state_file, statefile.document(self.site, self.pids, self.tokens))
