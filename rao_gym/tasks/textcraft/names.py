"""Names of items: opaque codes, which say nothing of their recipes, or words for a material and a form.

The names of targets differ between splits; those of ingredients do not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rao_gym.tasks.base import SPLITS

NAMINGS: Final = ("opaque", "meaningful")

DOMAINS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "metal": ("ore", ("copper", "tin", "zinc", "nickel", "cobalt", "lead", "chrome", "silver", "iron", "gold")),
    "stone": (
        "rubble",
        ("granite", "basalt", "slate", "marble", "quartz", "flint", "chalk", "jasper", "onyx", "agate"),
    ),
    "wood": ("log", ("oak", "ash", "birch", "cedar", "maple", "pine", "elm", "larch", "walnut", "willow")),
    "fibre": ("tuft", ("wool", "flax", "hemp", "silk", "cotton", "jute", "reed", "sisal", "straw", "felt")),
    "glass": ("sand", ("amber", "cobalt_blue", "rose", "smoke", "crystal", "frost", "jade", "pearl", "ruby", "opal")),
}
"""For each domain, what its raw materials are called, and ten materials."""

FORMS: Final = (
    *("blank", "rod", "hinge", "frame", "panel", "drum", "lathe", "press", "loom", "mill", "crane", "tower"),
)
"""What items are called, by level from 1 up; after the last, they are numbered."""

_LETTERS: Final = "abcdefghijkmnopqrstuvwxyz"
_NUM_CODES: Final = len(_LETTERS) ** 2 * 100
_SHARES: Final = dict(zip(SPLITS, ((0, 8), (8, 9), (9, 10)), strict=True))
"""Which of ten names belong to a split's targets: from the first to before the second."""

Below = Callable[[int], int]
"""Draws a whole number below another."""


class Namer:
    """Names the items of one world, each differently.

    Args:
        naming: ``"opaque"`` or ``"meaningful"``.
        split: The split, which decides what targets are called.
        below: Draws the names.
    """

    def __init__(self, naming: str, split: str, below: Below) -> None:
        self._name = self._opaque if naming == "opaque" else self._meaningful
        self._first, self._end = _SHARES[split]
        self._below = below
        self._taken: set[str] = set()

    def __call__(self, level: int, *, is_target: bool = False) -> str:
        """Return a new name for an item."""
        while True:
            tenth = self._first + self._below(self._end - self._first) if is_target else self._below(10)
            name = self._name(level, tenth)
            if name not in self._taken:
                self._taken.add(name)
                return name

    def _opaque(self, level: int, tenth: int) -> str:
        """Return a code such as ``qd37``, whose last digit is `tenth`."""
        code = self._below(_NUM_CODES // 10)
        letters, digit = divmod(code, 10)
        return f"{_LETTERS[letters // len(_LETTERS)]}{_LETTERS[letters % len(_LETTERS)]}{digit}{tenth}"

    def _meaningful(self, level: int, tenth: int) -> str:
        """Return a material and a form, such as ``oak_panel``."""
        raw, materials = DOMAINS[tuple(DOMAINS)[self._below(len(DOMAINS))]]
        if level == 0:
            return f"{materials[tenth]}_{raw}"
        if level <= len(FORMS):
            return f"{materials[tenth]}_{FORMS[level - 1]}"
        return f"{materials[tenth]}_{FORMS[-1]}_{level}"
