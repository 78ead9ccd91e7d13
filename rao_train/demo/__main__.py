"""``python -m rao_train.demo --out runs/demo``: run the demo from the command line."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from rao_gym.errors import RaoError
from rao_train.demo.comparison import run_demo
from rao_train.demo.contenders import TITLES
from rao_train.demo.report import story_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo from the command line."""
    parser = argparse.ArgumentParser(prog="python -m rao_train.demo", description="See a tiny model learn to delegate.")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="values of the recipe to replace")
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), metavar="DIR", help="folder for what it writes")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_intermixed_args(argv)
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)  # the model is too small for more
    gc.freeze()  # collections need not look at all of torch again and again
    try:
        results = run_demo(arguments.out, arguments.seed, arguments.overrides)
    except (RaoError, OSError) as error:
        print(f"rao: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    for name, title in TITLES.items():
        success = "  ".join(f"{difficulty}: {value:.2f}" for difficulty, value in results["success"][name].items())
        print(f"success of {title} by difficulty   {success}")
    print("\n".join(story_of(results)))
    print(f"{results['seconds']['total']:.0f} s. Open {arguments.out / 'report.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
