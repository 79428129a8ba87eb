"""What every test of the checkout shares; pytest loads it with ``-p localcloud.tests.plugin``.

The environment is clean, so that no test depends on, or reaches, a real project. Tests that need gcloud are left out,
by name, where it is not installed.
"""

import shutil
import signal
from typing import Any

import pytest

# A run in the background ignores Ctrl-C, and so would every program that a test starts and interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

_NOT_RUN: list[str] = []


@pytest.fixture(autouse=True)
def _no_inherited_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_VERTEX_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without gcloud on this machine its tests cannot run: they are deselected here and named in the summary."""
    if shutil.which("gcloud") is not None:
        return
    unable = [item for item in items if "gcloud" in getattr(item, "fixturenames", ())]
    _NOT_RUN.extend(item.nodeid for item in unable)
    config.hook.pytest_deselected(items=unable)
    items[:] = [item for item in items if item not in unable]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of a parallel run sends its list to the process that prints the summary."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["not_run"] = _NOT_RUN


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _NOT_RUN.extend(name for name in node.workeroutput["not_run"] if name not in _NOT_RUN)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _NOT_RUN:
        terminalreporter.section("NOT RUN: the gcloud program is not installed")
        for nodeid in _NOT_RUN:
            terminalreporter.line(nodeid)
