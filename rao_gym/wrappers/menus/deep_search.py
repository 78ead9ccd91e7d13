"""The menu of ``rao/DeepSearch-v0``: look further, delegate questions, or answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from rao_gym.policies.base import Turn
from rao_gym.tasks.deep_search.policies import (
    UNKNOWN,
    has_room,
    pursue_by_launching,
    pursue_by_searching,
    room_for,
    write_answers,
)
from rao_gym.tasks.deep_search.transcripts import take_notes
from rao_gym.tasks.scripts import may_launch, write_finish, write_launches
from rao_gym.wrappers.menus.base import Choices, ratio

_MANY: Final = 32
"""Questions, steps or pages that count as many."""


@dataclass(frozen=True)
class DeepSearchMenu:
    """Look further, delegate questions, or answer; searching and reading are done for the policy.

    - ``answer``: finish with what pages or sub-agents told; "unknown" stands for what they did not.
    - ``look_further``: search for, or open, the next page on the way to an answer. Only before delegating, and if there
      is room for a page.
    - ``delegate``: launch a sub-agent for each question that can be asked already, or, if there is a single question,
      for the next half of its steps. Only before searching.

    The features:

    - ``units``: the number of questions, or the steps of a single one, as a share of 32; ``steps``: the number of steps
      of all questions, as a share of 32;
    - ``fits``: the share of the steps that window and turns have room for, if none has been taken yet;
    - ``looked``: the number of searches and pages, as a share of 32;
    - ``is_answered``: the share of the questions that have an answer;
    - ``has_delegated``: whether sub-agents were launched.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Answer, look and delegate."""
        return ("answer", "look_further", "delegate")

    @property
    def features(self) -> tuple[str, ...]:
        """How much there is to find, and what was found."""
        return ("units", "steps", "fits", "looked", "is_answered", "has_delegated")

    def choices(self, turn: Turn) -> Choices:
        """Read the transcript, and return what can be done."""
        notes = take_notes(turn.messages)
        if notes is None or notes.question is None:
            return Choices([0.0] * len(self.features), {"answer": partial(write_finish, turn, UNKNOWN)})
        question = notes.question
        texts: dict[str, Callable[[], str]] = {}
        answers, action = pursue_by_searching(turn, notes, question)
        if not notes.answers and action and has_room(turn):
            texts["look_further"] = lambda: action
        if not notes.tried and question.num_units > 1:
            told, launches = pursue_by_launching(notes, question)
            answers = told if notes.answers else answers
            if launches and may_launch(turn, len(launches)):
                texts["delegate"] = partial(write_launches, turn, launches)
        texts["answer"] = partial(write_answers, turn, answers)
        num_steps = sum(len(thread.relations) for thread in question.threads)
        num_answered = sum(answer not in (None, UNKNOWN) for answer in answers)
        features = [
            ratio(question.num_units, _MANY),
            ratio(num_steps, _MANY),
            ratio(room_for(turn), num_steps),
            ratio(len(notes.tried), _MANY),
            num_answered / len(answers),
            float(bool(notes.answers)),
        ]
        return Choices(features, texts)
