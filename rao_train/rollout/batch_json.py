"""Rollout batches as JSON, so that those which wait to be learned from survive in a checkpoint."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rao_gym.rewards import Signals, Source
from rao_gym.tree import ExecutionTree
from rao_train.rollout.trajectory import Rollout, Trajectory
from rao_train.rollout.worker import RolloutBatch

_COUNTS = ("policy_version", "seconds_generating", "seconds_acting", "num_generated", "num_read", "num_skipped")
_PLACES = ("node", "depth", "rollout", "group")


def batch_to_json(batch: RolloutBatch) -> str:
    """Return a batch as one line of JSON, from which it is read back bit for bit."""
    return json.dumps(
        {name: getattr(batch, name) for name in _COUNTS} | {"rollouts": [*map(_rollout_to_dict, batch.rollouts)]}
    )


def batch_from_json(text: str) -> RolloutBatch:
    """Read what `batch_to_json` wrote."""
    document = json.loads(text)
    return RolloutBatch(**document | {"rollouts": [*map(_rollout_from_dict, document["rollouts"])]})


def _rollout_to_dict(rollout: Rollout) -> dict[str, Any]:
    return {
        "tree": rollout.tree.to_json(),
        "signals": _signals_to_dict(rollout.signals),
        "trajectories": [*map(_trajectory_to_dict, rollout.trajectories)],
        "index": rollout.index,
        "group": rollout.group,
    }


def _rollout_from_dict(document: dict[str, Any]) -> Rollout:
    return Rollout(
        tree=ExecutionTree.from_json(document["tree"]),
        signals=_signals_from_dict(document["signals"]),
        trajectories=[*map(_trajectory_from_dict, document["trajectories"])],
        index=document["index"],
        group=document["group"],
    )


def _signals_to_dict(signals: Signals) -> dict[str, Any]:
    pairs = {name: list(getattr(signals, name).items()) for name in ("by_node", "unjudged", "sources")}
    return pairs | {"num_failures": signals.num_failures}


def _signals_from_dict(document: dict[str, Any]) -> Signals:
    return Signals(
        by_node=dict(document["by_node"]),
        unjudged=dict(document["unjudged"]),
        sources={node: Source(name) for node, name in document["sources"]},
        num_failures=document["num_failures"],
    )


def _trajectory_to_dict(trajectory: Trajectory) -> dict[str, Any]:
    return {name: getattr(trajectory, name) for name in _PLACES} | {
        "tokens_T": trajectory.tokens_T.tolist(),
        "mask_T": trajectory.mask_T.tolist(),
        "logprobs_T": trajectory.logprobs_T.tolist(),
        "versions_T": trajectory.versions_T.tolist(),
    }


def _trajectory_from_dict(document: dict[str, Any]) -> Trajectory:
    return Trajectory(
        tokens_T=np.array(document["tokens_T"], dtype=np.int32),
        mask_T=np.array(document["mask_T"], dtype=np.bool_),
        logprobs_T=np.array(document["logprobs_T"], dtype=np.float32),
        versions_T=np.array(document["versions_T"], dtype=np.int32),
        **{name: document[name] for name in _PLACES},
    )
