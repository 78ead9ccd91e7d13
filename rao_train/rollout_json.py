"""Rollout batches as JSON, so that those which wait to be learned from survive in a checkpoint."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rao_gym.rewards import Signals
from rao_gym.tree import ExecutionTree
from rao_train.rollout import RolloutBatch
from rao_train.trajectory import RolloutTree, Trajectory

_COUNTS = ("policy_version", "seconds_generating", "seconds_acting", "num_generated", "num_read")
_PLACES = ("node", "depth", "tree", "group", "policy_version")


def batch_to_json(batch: RolloutBatch) -> str:
    """Return a batch as one line of JSON, from which it is read back bit for bit."""
    return json.dumps({name: getattr(batch, name) for name in _COUNTS} | {"trees": [*map(_tree_to_dict, batch.trees)]})


def batch_from_json(text: str) -> RolloutBatch:
    """Read what `batch_to_json` wrote."""
    document = json.loads(text)
    return RolloutBatch(**document | {"trees": [*map(_tree_from_dict, document["trees"])]})


def _tree_to_dict(tree: RolloutTree) -> dict[str, Any]:
    return {
        "execution": tree.execution.to_json(),
        "signals": list(tree.signals.by_node.items()),
        "num_excluded": tree.signals.num_excluded,
        "trajectories": [*map(_trajectory_to_dict, tree.trajectories)],
        "tree": tree.tree,
        "group": tree.group,
    }


def _tree_from_dict(document: dict[str, Any]) -> RolloutTree:
    by_node = {int(node): float(signal) for node, signal in document["signals"]}
    return RolloutTree(
        execution=ExecutionTree.from_json(document["execution"]),
        signals=Signals(by_node=by_node, num_excluded=document["num_excluded"]),
        trajectories=[*map(_trajectory_from_dict, document["trajectories"])],
        tree=document["tree"],
        group=document["group"],
    )


def _trajectory_to_dict(trajectory: Trajectory) -> dict[str, Any]:
    return {name: getattr(trajectory, name) for name in _PLACES} | {
        "tokens_T": trajectory.tokens_T.tolist(),
        "mask_T": trajectory.mask_T.tolist(),
        "logprobs_T": trajectory.logprobs_T.tolist(),
    }


def _trajectory_from_dict(document: dict[str, Any]) -> Trajectory:
    return Trajectory(
        tokens_T=np.array(document["tokens_T"], dtype=np.int32),
        mask_T=np.array(document["mask_T"], dtype=np.bool_),
        logprobs_T=np.array(document["logprobs_T"], dtype=np.float32),
        **{name: document[name] for name in _PLACES},
    )
