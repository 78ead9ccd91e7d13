"""Arithmetic: expressions whose every part is a sub-goal that verifies itself."""

from rao_gym.tasks.arithmetic.family import Arithmetic, Problem
from rao_gym.tasks.arithmetic.policies import DirectPolicy, EagerPolicy, RecursivePolicy, SinglePolicy

__all__ = ["Arithmetic", "DirectPolicy", "EagerPolicy", "Problem", "RecursivePolicy", "SinglePolicy"]
