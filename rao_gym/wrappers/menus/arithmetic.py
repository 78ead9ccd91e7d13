"""The menu of ``rao/Arithmetic-v0``: compute an operation, delegate operands, or answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import log2
from typing import Final

from rao_gym.actions.writing import write_call
from rao_gym.policies.base import Turn
from rao_gym.tasks.arithmetic.expressions import Expression, Number, Operation, size
from rao_gym.tasks.arithmetic.operands import SIDES, operand, reducible
from rao_gym.tasks.arithmetic.policies import SinglePolicy, divided, finish, last_number, may_launch, work_of
from rao_gym.tools import LAUNCH
from rao_gym.wrappers.menus.base import Choices, ratio

_MOST_DOUBLINGS: Final = 12


@dataclass(frozen=True)
class ArithmeticMenu:
    """Compute one operation, delegate operands, or answer; an agent computes one operation a turn, without a mistake.

    - ``answer``: finish with the value, if at most one operation is left, and otherwise with a guess.
    - ``note``: compute the first operation on two numbers, and write down its result. Only if two or more are left.
    - ``delegate_left``, ``delegate_right``: launch a sub-agent on an operand that is no number.
    - ``delegate_both``: launch one on each, if neither is a number.

    The features:

    - ``is_last``: whether at most one operation is left;
    - ``suffices``: the share of the operations that are left for which there are turns; ``size``: how many they are, on
      a logarithmic scale up to 2^12;
    - ``left``, ``right``: the share of them in each operand.

    Attributes:
        skill_columns: How long the numbers of one operation may be, as for the scripted policies; None means any
            length.
    """

    skill_columns: int | None = None

    @property
    def actions(self) -> tuple[str, ...]:
        """Answer, note, and launches."""
        return ("answer", "note", "delegate_left", "delegate_right", "delegate_both")

    @property
    def features(self) -> tuple[str, ...]:
        """How much there is to compute, and where."""
        return ("is_last", "suffices", "size", "left", "right")

    def choices(self, turn: Turn) -> Choices:
        """Read the transcript, and return what can be done."""
        work = work_of(turn, self.skill_columns)
        whole = divided(work.expression, self.skill_columns)
        step = partial(SinglePolicy(skill_columns=self.skill_columns).step, work)
        if isinstance(whole, Number) or reducible(whole):
            return Choices(_features(turn, whole), {"answer": step})
        guess = partial(finish, last_number(whole))
        return Choices(_features(turn, whole), {"answer": guess, "note": step, **_launches(turn, whole)})


def _launches(turn: Turn, whole: Operation) -> dict[str, Callable[[], str]]:
    """Return the possible launches."""
    sides = [side for side in SIDES if isinstance(operand(whole, side), Operation)]
    groups = {f"delegate_{side}": [side] for side in sides} | ({"delegate_both": sides} if len(sides) > 1 else {})
    return {name: partial(_write, group) for name, group in groups.items() if may_launch(turn, len(group))}


def _write(sides: Sequence[str]) -> str:
    """Return the action that launches a sub-agent on each of some operands."""
    return "\n".join(write_call(LAUNCH, operand=side) for side in sides)


def _features(turn: Turn, whole: Expression) -> list[float]:
    """Return the features."""
    num_operations = size(whole)
    num_turns = num_operations if turn.limits.turns is None else turn.limits.turns
    shares = [0.0, 0.0]
    if isinstance(whole, Operation):
        shares = [size(operand(whole, side)) / num_operations for side in SIDES]
    return [
        float(num_operations <= 1),
        ratio(num_turns, num_operations),
        min(1.0, log2(1 + num_operations) / _MOST_DOUBLINGS),
        *shares,
    ]
