"""Draw the trajectories of a group beside their prefix tree: ``python -m benchmarks.packing_picture``.

The group is eight rollouts of one task of rao/Arithmetic-v0, with half of the actions reworded.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.learner_packing import played, reword, tokenizer_of
from rao_train.learning.packing import Pack, pack
from rao_train.models.turn_template import TurnTemplate
from rao_train.run.warm_start import sequences_of

OWN, REPEATED = "#3b76af", "#d3d3d3"


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/packing.svg"))
    out: Path = parser.parse_args().out
    generator = np.random.default_rng(0)
    trees = played("rao/Arithmetic-v0", 2, 0, lambda action: reword(action, 0.5, generator))
    texts = [message["content"] for tree in trees for node in tree.nodes for message in node.messages]
    template = TurnTemplate(tokenizer_of(texts))
    (tree,) = pack([sequence for one in trees for sequence in sequences_of(one, template)], max_positions=100_000)
    with matplotlib.rc_context({"svg.hashsalt": "packing", "font.size": 9}):
        figure_of(tree).savefig(out, metadata={"Date": None})
    print(f"Wrote {out}")


def figure_of(tree: Pack) -> Figure:
    """Return the trajectories as rows of tokens, and the tree that they become."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    padded, packed = figure.subplots(1, 2, sharex=True)
    draw_rows(padded, tree)
    draw_tree(packed, tree)
    padded.set(title=f"{len(tree.places)} trajectories: {tree.num_tokens:,} tokens", ylabel="trajectory")
    packed.set(title=f"their prefix tree: {len(tree.tokens_U):,} positions", ylabel="branch")
    for axes in (padded, packed):
        axes.set(xlabel="tokens before it", xlim=(0, None), yticks=[])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def owners(tree: Pack) -> NDArray[np.int64]:
    """Return the branch that owns each position, [U]."""
    return np.repeat(np.arange(len(tree.branches)), [len(one.path) - one.start for one in tree.branches])


def draw_rows(axes: Axes, tree: Pack) -> None:
    """Draw each trajectory, gray where an earlier one reads the same tokens behind the same prefix."""
    ends = np.append(np.flatnonzero(np.diff(tree.sequences_P)), len(tree.sequences_P) - 1)
    branch_of = owners(tree)[tree.positions_S[tree.pairs_P[ends]]]  # each branch owns the last position of its path
    seen: set[int] = set()
    for row, place in enumerate(branch_of):
        branch = tree.branches[place]
        start = len(branch.path) if place in seen else branch.start
        seen.add(int(place))
        axes.barh(row, start, left=0, color=REPEATED, height=0.8)
        axes.barh(row, len(branch.path) - start, left=start, color=OWN, height=0.8)


def draw_tree(axes: Axes, tree: Pack) -> None:
    """Draw what each branch owns, and where it leaves the one that it grows from."""
    owner_U = owners(tree)
    for row, branch in enumerate(tree.branches):
        axes.barh(row, len(branch.path) - branch.start, left=branch.start, color=OWN, height=0.6)
        if branch.start:
            parent = owner_U[branch.path[branch.start - 1]]
            axes.plot([branch.start, branch.start], [parent, row], color=OWN, linewidth=0.8)


if __name__ == "__main__":
    main()
