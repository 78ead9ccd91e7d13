"""Evaluation: play a policy on many tasks, measure it, and keep the results."""

from rao_gym.evaluation.evaluate import EvaluationResult, evaluate, replay
from rao_gym.evaluation.recording import Progress
from rao_gym.evaluation.results import EpisodeResult
from rao_gym.evaluation.rollouts import Rollout, TaskKey, run_rollouts
from rao_gym.evaluation.statistics import Summary, summarize, wilson_interval
from rao_gym.evaluation.store import read_results, read_trees

__all__ = [
    "EpisodeResult",
    "EvaluationResult",
    "Progress",
    "Rollout",
    "Summary",
    "TaskKey",
    "evaluate",
    "read_results",
    "read_trees",
    "replay",
    "run_rollouts",
    "summarize",
    "wilson_interval",
]
