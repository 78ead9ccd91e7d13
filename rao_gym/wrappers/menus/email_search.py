"""The menu of ``rao/EmailSearch-v0``: look further, split the mails and delegate, or answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import log2
from typing import Final

from rao_gym.policies.base import Turn
from rao_gym.tasks.email_search.policies import best_answer, launches_of_parts, next_lookup, take_notes
from rao_gym.tasks.scripts import may_launch, write_finish, write_launches
from rao_gym.wrappers.menus.base import Choices, ratio

SPLITS: Final = (2, 4, 8)
_MOST_DOUBLINGS: Final = 16
_MANY: Final = 32
"""Mails that count as many."""


@dataclass(frozen=True)
class EmailSearchMenu:
    """Look further, split the mails and delegate, or answer; searching and reading are done for the policy.

    - ``answer``: finish with what a mail or a sub-agent told, or with nothing.
    - ``look_further``: read the next mail that may answer, or search for more. Only before delegating, and if there is
      room for a reply.
    - ``delegate_k``: split the mails into k equal parts, and let a sub-agent search each. Only before searching.

    The features:

    - ``mails``: the number of mails, on a logarithmic scale up to 2^16;
    - ``listed``, ``read``: how many mails searches have listed, and how many were read, each as a share of 32;
    - ``has_found``: whether there is an answer;
    - ``has_more``: whether the last search left out mails that fit;
    - ``has_searched``, ``has_delegated``: what was done.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Answer, look, and a split for each number of parts."""
        return ("answer", "look_further", *(f"delegate_{num_parts}" for num_parts in SPLITS))

    @property
    def features(self) -> tuple[str, ...]:
        """How much there is to search, and what was found."""
        return ("mails", "listed", "read", "has_found", "has_more", "has_searched", "has_delegated")

    def choices(self, turn: Turn) -> Choices:
        """Read the transcript, and return what can be done."""
        notes = take_notes(turn.messages)
        if notes is None or notes.question is None:
            return Choices([0.0] * len(self.features), {"answer": partial(write_finish, turn, None)})
        answer = best_answer(notes)
        texts: dict[str, Callable[[], str]] = {"answer": partial(write_finish, turn, answer)}
        if notes.answers is None:
            if lookup := next_lookup(turn, notes, notes.question):
                texts["look_further"] = lambda: lookup
            if not notes.searched:
                possible = [k for k in SPLITS if k <= notes.num_mails and may_launch(turn, k)]
                texts |= {f"delegate_{k}": partial(write_launches, turn, launches_of_parts(k)) for k in possible}
        features = [
            min(1.0, log2(1 + notes.num_mails) / _MOST_DOUBLINGS),
            ratio(len(notes.listed), _MANY),
            ratio(len(notes.read), _MANY),
            float(answer is not None),
            float(notes.until is not None),
            float(notes.searched),
            float(notes.answers is not None),
        ]
        return Choices(features, texts)
