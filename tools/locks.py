"""``make check``: each requirements file is what pyproject.toml compiles to.

The existing file is the preference of the compilation, so a newer release of a package does not make it stale.
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
    stale = [file for file in files if not _is_current(file, compile_command)]
    for file in stale:
        sys.stderr.write(f"{file} is not what pyproject.toml compiles to: run `make lock`.\n")
    return 1 if stale else 0


def _is_current(file: str, compile_command: list[str]) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "requirements.txt")
        shutil.copyfile(file, compiled)
        subprocess.run([*compile_command, *EXTRAS[file], "-o", str(compiled)], check=True)
        return compiled.read_text() == Path(file).read_text()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
