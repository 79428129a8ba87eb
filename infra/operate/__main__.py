"""``python -m infra.operate COMMAND --project=… [--region=…] [--dry-run]``: what the Makefile's deploy targets call."""

import argparse
import sys

from infra.operate import deployment, inspection
from infra.operate.shell import CommandFailed, Shell
from infra.operate.target import Target


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.operate", description=__doc__)
    parser.add_argument("command", choices=("bootstrap", "deploy", "smoke", "logs", "destroy"))
    parser.add_argument("--project", required=True)
    parser.add_argument("--region", default="", help="of a first deployment; later ones are where the first one is")
    parser.add_argument("--operators", default="", help="addresses, by comma; else the deployed ones, at first you")
    parser.add_argument("--job", default="", help="whose log to read")
    parser.add_argument("--freshness", default="7d", help="how far back to read the log")
    parser.add_argument("--dry-run", action="store_true", help="print the commands instead of running them")
    chosen = parser.parse_args(arguments)
    if chosen.command == "logs" and not chosen.job:
        parser.error("logs needs --job=…")
    shell = Shell(chosen.dry_run)
    operators = tuple(filter(None, chosen.operators.split(",")))
    target = Target(chosen.project, chosen.region, operators, deployment.commit(shell))
    try:
        match chosen.command:
            case "bootstrap":
                deployment.bootstrap(target, shell)
            case "deploy":
                deployment.deploy(target, shell)
            case "smoke":
                inspection.smoke(target, shell)
            case "logs":
                inspection.logs(target, shell, chosen.job, chosen.freshness)
            case _:
                deployment.destroy(target, shell)
    except CommandFailed as failed:
        sys.stderr.write(f"Stopped: {failed}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
