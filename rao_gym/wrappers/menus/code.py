"""The menu of ``rao/Code-v0``: read specifications, delegate helpers, write the source and try it, or hand it in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rao_gym.policies.base import Turn
from rao_gym.tasks.code.policies import (
    has_tried,
    may_launch,
    missing,
    read_turn,
    write_delegation,
    write_reading,
    write_source,
)
from rao_gym.tools import LAUNCH
from rao_gym.wrappers.menus.base import Choices, ratio

_MANY: Final = 32
"""Functions that count as many."""


@dataclass(frozen=True)
class CodeMenu:
    """Read specifications, delegate functions, try what one has written, or hand it in; the writing is done.

    - ``hand_in``: write every function whose specification is known, and finish with the source.
    - ``try``: write the same, run the examples, and finish with the source if it passes them. Only once.
    - ``read``: read the specifications of all helpers that are known by name alone.
    - ``delegate``: write the wanted function, let a sub-agent write each of its helpers, and finish with all of it if
      it passes the examples; if several functions are wanted, let a sub-agent write each. Only once.

    The features:

    - ``wanted``, ``helpers``, ``unread``: how many functions are wanted, how many helpers the wanted ones have, and how
      many functions are known by name alone, each as a share of 32;
    - ``has_delegated``, ``has_tried``: what was done without success.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Hand in, try, read and delegate."""
        return ("hand_in", "try", "read", "delegate")

    @property
    def features(self) -> tuple[str, ...]:
        """How much there is to write, and what was done."""
        return ("wanted", "helpers", "unread", "has_delegated", "has_tried")

    def choices(self, turn: Turn) -> Choices:
        """Read the transcript, and return what can be done."""
        wanted, known = read_turn(turn)
        unread, tried = missing(wanted, known), has_tried(turn)
        delegated = any(LAUNCH in message["content"] for message in turn.messages[2::2])
        num_helpers = sum(len(known[name].helpers) for name in wanted if name in known)
        texts: dict[str, Callable[[], str]] = {"hand_in": partial(write_source, wanted, known, tried=True)}
        if not tried:
            texts["try"] = partial(write_source, wanted, known, tried=False)
        if unread:
            texts["read"] = partial(write_reading, unread)
        num_launches = len(wanted) if len(wanted) > 1 else num_helpers
        if may_launch(turn) and not delegated and 0 < num_launches <= _most_launches(turn):
            texts["delegate"] = partial(write_delegation, wanted, known)
        counts = [ratio(count, _MANY) for count in (len(wanted), num_helpers, len(unread))]
        return Choices([*counts, float(delegated), float(tried)], texts)


def _most_launches(turn: Turn) -> int:
    """Return how many sub-agents the agent may still launch."""
    return min((limit for limit in (turn.limits.children, turn.limits.nodes) if limit is not None), default=_MANY)
