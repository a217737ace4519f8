"""`python -m toolbox.client`: asks a served model over HTTP and gRPC, and says if the answers are right."""

import argparse
from pathlib import Path

from toolbox import answers, clients, features, hostile, sentences
from toolbox.ask import doors
from toolbox.report import finish

CHECKS = ("features", "sentences", "labels", "pictures", "predictions", "clients", "hostile")


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    both = doors(arguments.url, arguments.grpc)
    model, reference = arguments.model, arguments.reference
    if arguments.check == "features":
        failures = features.check(both, model, reference, arguments.text, arguments.tolerance)
        passed = f"features over HTTP and gRPC are eager mode's to {arguments.tolerance:.0e}"
    elif arguments.check == "sentences":
        failures = sentences.check(both, model, reference, arguments.tolerance)
        passed = (
            f"vectors are the package's own to {arguments.tolerance:.0e}, and related sentences are alike"
        )
    elif arguments.check == "labels":
        failures = answers.labels(both, model, reference, arguments.tolerance)
        passed = f"labels of texts and pairs over HTTP and gRPC are eager mode's to {arguments.tolerance:.0e}"
    elif arguments.check == "predictions":
        failures = answers.predictions(arguments.url, model, reference, arguments.tolerance)
        passed = f"TorchServe's own /predictions has eager mode's labels to {arguments.tolerance:.0e}"
    elif arguments.check == "pictures":
        failures = answers.pictures(both, model, reference, arguments.tolerance)
        passed = f"labels of pictures over HTTP and gRPC are eager mode's to {arguments.tolerance:.0e}"
    elif arguments.check == "clients":
        failures = clients.check(arguments.url, arguments.grpc, model)
        passed = "every client has the same answer with its own id, and none can share memory with the server"
    else:
        failures = hostile.check(both, arguments.url, model)
        passed = "every hostile request is refused with a sentence, and the model still answers"
    finish(failures, passed)


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.client", description=__doc__)
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--url", required=True, metavar="HOST:PORT", help="the server's HTTP port")
    parser.add_argument("--grpc", required=True, metavar="HOST:PORT", help="the server's gRPC port")
    parser.add_argument("--model", required=True)
    parser.add_argument("--reference", type=Path, help="the model's directory (features, sentences)")
    parser.add_argument("--text", nargs="+", default=[], help="texts to ask (features)")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-4,
        help="largest allowed difference; of features relative to the largest one",
    )
    arguments = parser.parse_args(words)
    if arguments.check not in ("clients", "hostile") and arguments.reference is None:
        parser.error(f"{arguments.check} needs --reference")
    return arguments


if __name__ == "__main__":
    main()
