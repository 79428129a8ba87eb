"""``make check``: a requirements file that pyproject.toml no longer compiles to is stale, and CI says so.

Compiled with the standing file as its preference, so a newer release somewhere does not make a lock stale.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

EXTRAS = {
    "tests/requirements.txt": ("--all-extras",),
    "functions/requirements.txt": ("--extra", "functions"),
    "stitcher_service/requirements.txt": ("--extra", "stitcher"),
}


def main(arguments: list[str]) -> int:
    split = arguments.index("--")
    files, compile_command = arguments[:split], arguments[split + 1 :]
    stale = [file for file in files if not _is_fresh(file, compile_command)]
    for file in stale:
        sys.stderr.write(f"{file} is not what pyproject.toml compiles to: run `make lock`.\n")
    return 1 if stale else 0


def _is_fresh(file: str, compile_command: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "requirements.txt")
        shutil.copyfile(file, compiled)
        subprocess.run([*compile_command, *EXTRAS[file], "-o", str(compiled)], check=True)
        return compiled.read_text() == Path(file).read_text()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
