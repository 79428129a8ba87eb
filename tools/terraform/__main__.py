"""Terraform for a machine without the program: ``python -m tools.terraform fmt -recursive infra``."""

import sys

from tools.terraform.terraform import library

if __name__ == "__main__":
    sys.exit(library(sys.argv[1:]))
