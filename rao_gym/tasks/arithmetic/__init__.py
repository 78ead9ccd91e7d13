"""Arithmetic: expressions whose every part is a sub-goal that verifies itself."""

from rao_gym.tasks.arithmetic.family import Arithmetic, Problem
from rao_gym.tasks.arithmetic.policies import DirectPolicy, RecursivePolicy, SinglePolicy

__all__ = ["Arithmetic", "DirectPolicy", "Problem", "RecursivePolicy", "SinglePolicy"]
