"""A few threads that do the same to many things; when one of them fails, every run of ffmpeg ends with it."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from stitcher_service.ffmpeg.run import Runner

# Each may hold a graph of 1080p frames: more cores than this cost more memory than a container has.
_MOST_WORKERS = 4

_T = TypeVar("_T")
_R = TypeVar("_R")


class Each:
    """Does the same to many things at once; results in order, the work begins at once."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, work: Callable[[_T], _R], things: Iterable[_T]) -> Iterator[_R]:
        return self._pool.map(work, things)


@contextmanager
def workers(runner: Runner) -> Iterator[Each]:
    """Worker threads that end with the block."""
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _MOST_WORKERS)) as pool:
        try:
            yield Each(pool)
        except BaseException:
            runner.cancel()
            pool.shutdown(cancel_futures=True)
            raise
