"""``make bench``: how fast the Workflows stand-in runs steps, in one execution and in a hundred at once."""

import asyncio
import resource
import sys
import time
import uuid

from localcloud.workflows import engine
from localcloud.workflows.compiler.routines import compile_source
from localcloud.workflows.program.blocks import Program
from localcloud.workflows.values import Value

ALONE_ROUNDS = 49_000  # two steps each: just below the limit of one execution
AT_ONCE = 100
AT_ONCE_ROUNDS = 1_000
WANTED_STEPS_PER_S = 20_000

_COUNTING = """
main:
  params: [rounds]
  steps:
    - start: {assign: [{sum: 0}, {seen: {}}]}
    - count:
        for:
          value: number
          range: ${[1, rounds]}
          steps:
            - add: {assign: [{sum: '${sum + number % 7}'}, {seen.last: '${number}'}]}
            - check:
                switch:
                  - condition: ${seen.last != number or sum < 0}
                    raise: miscounted
    - give: {return: '${sum}'}
"""


class StillWorld:
    """A world without a network; see `localcloud.workflows.program.frames.Runtime`."""

    def now_s(self) -> float:
        return time.time()

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(wait_s)

    def new_uuid(self) -> str:
        return str(uuid.uuid4())

    async def send(self, request: dict[str, Value]) -> Value:
        return {"code": 200, "headers": {}, "body": request["url"]}

    def log(self, entry: dict[str, Value]) -> None:
        del entry


async def steps_per_s(program: Program, executions: int, rounds: int) -> float:
    """Steps per second of wall-clock time, over all executions. Raises: RuntimeError if one gives a wrong result."""
    runs = [engine.start(program, StillWorld(), {}) for _ in range(executions)]
    started = time.perf_counter()
    outcomes = await asyncio.gather(*(engine.execute(run, rounds) for run in runs))
    took_s = time.perf_counter() - started
    expected = str(sum(number % 7 for number in range(1, rounds + 1)))
    if any(outcome != engine.Succeeded(expected) for outcome in outcomes):
        msg = f"an execution did not count to {expected}: {outcomes[0]}"
        raise RuntimeError(msg)
    return sum(run.meter.steps for run in runs) / took_s


def main() -> int:
    program = compile_source(_COUNTING)
    alone = max(asyncio.run(steps_per_s(program, 1, ALONE_ROUNDS)) for _ in range(3))
    together = asyncio.run(steps_per_s(program, AT_ONCE, AT_ONCE_ROUNDS))
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = [
        (f"one execution (wanted: {WANTED_STEPS_PER_S:,} steps/s)", f"{alone:,.0f} steps/s"),
        (f"{AT_ONCE} executions at once, together", f"{together:,.0f} steps/s"),
        ("memory after that", f"{memory_mb} MB"),
    ]
    for what, figure in rows:
        sys.stdout.write(f"{what:48} {figure}\n")
    return 0 if alone >= WANTED_STEPS_PER_S else 1


if __name__ == "__main__":
    sys.exit(main())
