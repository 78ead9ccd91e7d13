"""Run all checks of the kit on one family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rao_gym.testing.determinism import check_determinism
from rao_gym.testing.farama import check_gymnasium, check_pettingzoo
from rao_gym.testing.idle import check_idle_children
from rao_gym.testing.isolation import check_isolation
from rao_gym.testing.robustness import check_robustness
from rao_gym.testing.solvability import check_solvability
from rao_gym.testing.splits import check_splits
from rao_gym.testing.subgoals import check_subgoals
from rao_gym.testing.views import check_views


def check_family(id: str, *, difficulties: Sequence[int] = (1, 2, 3), **options: Any) -> None:
    """Run every check of the conformance kit on a registered family.

    Args:
        id: A registered id.
        difficulties: Difficulties to play; at the hardest, the reference policy must delegate.
        **options: Options of `rao_gym.make_setup`, for every check.

    Raises:
        ConformanceError: The family breaks its contract.
    """
    check_gymnasium(id, **options)
    check_pettingzoo(id, **options)
    check_views(id, difficulties=difficulties, **options)
    check_determinism(id, difficulties=difficulties, **options)
    check_splits(id, difficulties=difficulties, **options)
    check_solvability(id, difficulties=difficulties, **options)
    check_subgoals(id, difficulties=difficulties[-2:], **options)
    check_isolation(id, difficulties=difficulties, **options)
    check_idle_children(id, difficulties=difficulties[-2:], **options)
    check_robustness(id, **options)
