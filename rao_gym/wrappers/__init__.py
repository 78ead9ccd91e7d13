"""Wrappers around the Gymnasium view: curricula, records of trees, and fixed spaces for classic algorithms."""

from rao_gym.wrappers.curriculum import Curriculum
from rao_gym.wrappers.fixed_actions import FixedActions
from rao_gym.wrappers.record_trees import RecordTrees

__all__ = ["Curriculum", "FixedActions", "RecordTrees"]
