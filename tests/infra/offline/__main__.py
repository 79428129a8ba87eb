"""Terraform itself, for a machine without the program: ``python -m tests.infra.offline fmt -recursive infra``."""

import sys

from tests.infra.offline.terraform import library

if __name__ == "__main__":
    sys.exit(library(sys.argv[1:]))
