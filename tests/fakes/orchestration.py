"""The clip queue and the orchestrator as fakes: they record every request."""

from promptreel.ports.orchestration import ClipTask


class MemoryQueue:
    """Tasks by identity: the same dispatch is one task. A test delivers them, and says which are done."""

    def __init__(self) -> None:
        self.tasks: dict[ClipTask, bool] = {}
        self.done: set[ClipTask] = set()

    def enqueue(self, task: ClipTask, *, high: bool) -> None:
        self.tasks.setdefault(task, high)

    def contains(self, task: ClipTask, *, high: bool) -> bool:
        return self.tasks.get(task) is high and task not in self.done


class FakeExecutions:
    """Executions by name; a test ends them."""

    def __init__(self) -> None:
        self.started: list[tuple[str, int]] = []
        self.active: set[str] = set()
        self.failure: Exception | None = None

    def start(self, job_id: str, run: int) -> str:
        if self.failure is not None:
            raise self.failure
        self.started.append((job_id, run))
        name = self.full_name(f"execution-{len(self.started)}")
        self.active.add(name)
        return name

    def full_name(self, execution_id: str) -> str:
        return f"workflows/film/executions/{execution_id}"

    def cancel(self, name: str) -> None:
        self.active.discard(name)

    def is_active(self, name: str) -> bool:
        return name in self.active
