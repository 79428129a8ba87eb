"""Where variables live while a workflow runs, and the budgets every execution has."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from localcloud.workflows.callbacks import Callbacks
from localcloud.workflows.faults import Overrun, fault
from localcloud.workflows.values import Value, size_bytes

if TYPE_CHECKING:
    from localcloud.workflows.program.blocks import Program, Step
    from localcloud.workflows.program.journal import Journal

STEP_LIMIT = 100_000  # per execution
VARIABLES_LIMIT_BYTES = 512 * 1024
STRING_LIMIT_BYTES = 256 * 1024
STEPS_BETWEEN_YIELDS = 100  # ours: how long one execution may keep the event loop from the others


class Meter:
    """Counts what the service limits in one execution."""

    __slots__ = ("steps", "variables_bytes")

    def __init__(self) -> None:
        self.steps = 0
        self.variables_bytes = 0

    def count_step(self) -> bool:
        """Count one step; True when it is time to let other executions run."""
        self.steps += 1
        if self.steps > STEP_LIMIT:
            raise Overrun(f"Step limit exceeded: the execution took more than {STEP_LIMIT} steps")
        return self.steps % STEPS_BETWEEN_YIELDS == 0

    def grow(self, change_bytes: int) -> None:
        self.variables_bytes += change_bytes
        if change_bytes > 0 and self.variables_bytes > VARIABLES_LIMIT_BYTES:
            raise Overrun(
                f"Memory usage limit exceeded: variables take {self.variables_bytes} of {VARIABLES_LIMIT_BYTES} bytes"
            )


class Scope:
    """Variables of a routine, or of a loop round, branch or handler inside it (then with the outer scope as parent)."""

    __slots__ = ("meter", "parent", "sizes", "values")

    def __init__(self, meter: Meter, parent: "Scope | None" = None) -> None:
        self.meter = meter
        self.parent = parent
        self.values: dict[str, Value] = {}
        self.sizes: dict[str, int] = {}

    def owner(self, name: str) -> "Scope | None":
        scope: Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.parent
        return scope

    def read(self, name: str) -> Value:
        scope = self.owner(name)
        if scope is None:
            raise fault("KeyError", f"variable {name!r} has no value yet", "LookupError")
        return scope.values[name]

    def assign(self, name: str, value: Value) -> None:
        """Set the variable where it lives; a name seen for the first time is created here."""
        (self.owner(name) or self).create(name, value)

    def create(self, name: str, value: Value) -> None:
        """Set the variable in this very scope, hiding any outer one of that name."""
        size = size_bytes(value)
        if type(value) is str and size > STRING_LIMIT_BYTES:
            raise Overrun(f"String size limit exceeded: {size} of {STRING_LIMIT_BYTES} bytes")
        self.meter.grow(size - self.sizes.get(name, 0))
        self.values[name] = value
        self.sizes[name] = size

    def release(self) -> None:
        """The scope has ended: its variables no longer count."""
        self.meter.grow(-sum(self.sizes.values()))
        self.sizes.clear()


class Runtime(Protocol):
    """What lies outside a workflow: time, identity, the network, the log. Given to it, so that tests give another."""

    def now_s(self) -> float: ...

    async def sleep(self, wait_s: float) -> None: ...

    def new_uuid(self) -> str: ...

    async def send(self, request: dict[str, Value]) -> Value:
        """One HTTP request, given and answered in the library's own terms."""

    def log(self, entry: dict[str, Value]) -> None: ...


@dataclass(slots=True)
class Run:
    """One execution at work: its program, what it reaches, its budgets, its position and its history."""

    program: "Program"
    runtime: Runtime
    journal: "Journal"
    callbacks: Callbacks
    env: dict[str, str] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)
    tips: dict[int, "Frame"] = field(default_factory=dict)  # the innermost frame of every thread, by thread number
    threads: int = 0

    def new_thread(self) -> int:
        self.threads += 1
        return self.threads


@dataclass(slots=True)
class Frame:
    """One routine being run by one thread."""

    run: Run
    routine: str
    scope: Scope
    thread: int = 0
    caller: "Frame | None" = None
    call_depth: int = 1
    parallel_depth: int = 0
    step: "Step | None" = None

    def inside(self, scope: Scope) -> "Frame":
        """The same routine and thread with an inner scope."""
        inner = Frame(self.run, self.routine, scope, self.thread, self.caller, self.call_depth, self.parallel_depth)
        inner.step = self.step
        return inner

    def nested(self) -> Scope:
        return Scope(self.run.meter, self.scope)


ReadVariable = Callable[[Frame], Value]
