"""Arithmetic: expressions, every part of which is a sub-goal with a known answer."""

from rao_gym.tasks.arithmetic.family import Arithmetic, Problem
from rao_gym.tasks.arithmetic.policies import DirectPolicy, EagerPolicy, HeedlessPolicy, RecursivePolicy, SinglePolicy

__all__ = ["Arithmetic", "DirectPolicy", "EagerPolicy", "HeedlessPolicy", "Problem", "RecursivePolicy", "SinglePolicy"]
