"""Run the demo for several seeds and print all of them: ``python benchmarks/tiny_curves.py --seeds 0 1 2``."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers.utils import logging as transformers_logging

from rao_train.demo.comparison import run_demo
from rao_train.demo.contenders import TITLES


def main() -> None:
    """Run every seed, then print all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/tiny_curves"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)  # the model is too small for more
    results = {seed: run_demo(arguments.out / f"seed_{seed}", seed) for seed in arguments.seeds}
    for seed, result in results.items():
        for name, title in TITLES.items():
            success = "  ".join(f"{difficulty}: {value:.2f}" for difficulty, value in result["success"][name].items())
            print(f"seed {seed}  {title:12}  {success}  ({result['seconds'][name]:.0f} s)")


if __name__ == "__main__":
    main()
