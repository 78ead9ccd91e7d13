"""Arithmetic: expressions, every part of which is a sub-goal with a known answer."""

from rao_gym.tasks.arithmetic.family import Arithmetic, Problem
from rao_gym.tasks.arithmetic.policies import (
    DirectPolicy,
    EagerPolicy,
    HeedlessPolicy,
    NotingPolicy,
    RecursivePolicy,
    SinglePolicy,
)

__all__ = [
    "Arithmetic",
    "DirectPolicy",
    "EagerPolicy",
    "HeedlessPolicy",
    "NotingPolicy",
    "Problem",
    "RecursivePolicy",
    "SinglePolicy",
]
