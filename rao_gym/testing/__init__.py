"""The conformance kit: the contract of task families, as checks to run on your own family.

`check_family` runs them all. Each check takes a registered id and the options of `rao_gym.make_setup`, runs every
action form that the family offers (or the one given as ``actions``), and raises `ConformanceError` at the first
violation.
"""

from rao_gym.testing.determinism import check_determinism
from rao_gym.testing.errors import ConformanceError
from rao_gym.testing.family import check_family
from rao_gym.testing.farama import check_gymnasium, check_pettingzoo, only_expected_warnings
from rao_gym.testing.idle import check_idle_children
from rao_gym.testing.isolation import check_isolation
from rao_gym.testing.robustness import check_robustness
from rao_gym.testing.solvability import check_solvability
from rao_gym.testing.splits import check_splits
from rao_gym.testing.subgoals import check_subgoals
from rao_gym.testing.views import check_views

__all__ = [
    "ConformanceError",
    "check_determinism",
    "check_family",
    "check_gymnasium",
    "check_idle_children",
    "check_isolation",
    "check_pettingzoo",
    "check_robustness",
    "check_solvability",
    "check_splits",
    "check_subgoals",
    "check_views",
    "only_expected_warnings",
]
