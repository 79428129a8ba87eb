"""Which processes still live."""

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs. One that has ended does not, even while nobody has asked for its exit code."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
