"""The command line: python -m cluster up|down|status|kubeconfig|logs."""

import argparse
import sys

from cluster.choice import provider
from cluster.interface import Lacking


def main() -> int:
    """Run the command; return 0, or 1 after one sentence that says what failed."""
    parser = argparse.ArgumentParser(
        prog="python -m cluster", description="A real Kubernetes cluster at hand."
    )
    commands = {
        "up": "start the cluster, or repair it, and print the path of its kubeconfig",
        "down": "remove the cluster and everything it left on the machine",
        "status": "print the cluster's parts and what each is doing",
        "kubeconfig": "print the path of the kubeconfig",
        "logs": "print the paths of the logs",
    }
    subparsers = parser.add_subparsers(dest="command", required=True)
    for command, description in commands.items():
        subparsers.add_parser(command, help=description)
    try:
        _run(parser.parse_args().command)
    except (Lacking, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(command: str) -> None:
    chosen = provider()
    match command:
        case "up":
            print(chosen.up().kubeconfig)
        case "down":
            chosen.down()
        case "status":
            for part, state in chosen.status().items():
                print(f"{part:32} {state}")
        case "kubeconfig":
            print(chosen.kubeconfig())
        case "logs":
            for path in chosen.logs():
                print(path)


if __name__ == "__main__":
    sys.exit(main())
