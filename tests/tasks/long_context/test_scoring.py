"""Scores of numbers that are near the right one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rao_gym.errors import UnknownNameError
from rao_gym.jsonable import JSON
from rao_gym.registry import make_setup
from rao_gym.tasks.agent import Agent
from rao_gym.tasks.long_context import LongContext
from rao_gym.tasks.long_context.documents import Passage
from rao_gym.tasks.long_context.kinds import parse_question
from rao_gym.tasks.long_context.scoring import nearness


@pytest.mark.parametrize(
    ("answer", "truth", "score"),
    [
        (20, 20, 1.0),
        ("1,234", 1234, 1.0),
        (18, 20, 0.75**2),
        (-3, 1, 0.75**4),
        ([21], 20, 0.75),
        (19.5, 20, 0.75**0.5),
        (20, "20", 1.0),
        (10**30, 20, 0.0),
        ("unknown", 20, 0.0),
        (None, 0, 0.0),
        ([19, 20], 20, 0.0),
        ("9" * 200_000, 20, 0.0),
    ],
)
def test_a_number_scores_by_its_distance(answer: JSON, truth: JSON, score: float) -> None:
    assert nearness(answer, truth) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("truth", ["Amberford", [7], ["person", 4], {"a": 1}, None, True])
def test_all_else_is_right_or_wrong(truth: JSON) -> None:
    assert nearness(7, truth) is None


@given(st.integers(), st.integers())
def test_scores_lie_in_the_unit_interval_and_fall_with_the_distance(answer: int, truth: int) -> None:
    score = nearness(answer, truth)
    assert score is not None
    assert 0.0 <= score <= 1.0
    assert (score == 1.0) == (answer == truth)
    farther = nearness(answer + (1 if answer >= truth else -1), truth)
    assert farther is not None
    assert farther <= score


def test_exact_is_the_default_and_parts_score_as_the_whole_does() -> None:
    exact, oolong = LongContext(kind="aggregate"), LongContext(kind="aggregate", scoring="oolong")
    for index in range(30):
        task = oolong.sample(0, "train", index, 2)
        question, context = parse_question(task.goal), task.context
        assert question is not None
        half = Agent(goal=task.goal, context=Passage(context.document, 0, context.end // 2))
        for agent in (task.root, half):
            truth = question.truth(agent.context)
            assert exact.verify(task, agent, truth) == oolong.verify(task, agent, truth) == 1.0
            if isinstance(truth, int):
                assert exact.verify(task, agent, truth + 2) == 0.0
                assert oolong.verify(task, agent, truth + 2) == 0.75**2


def test_codes_are_right_or_wrong() -> None:
    family = LongContext(kind="needle", variant="single", scoring="oolong")
    task = family.sample(0, "train", 0, 1)
    assert isinstance(task.record.answer, list)
    (code,) = task.record.answer
    assert isinstance(code, int)
    assert family.verify(task, task.root, [code]) == 1.0
    assert family.verify(task, task.root, [code + 1]) == 0.0


def test_numeric_answers_to_questions_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(json.dumps({"context": "Three ships.", "question": "How many?", "answer": 3}))
    exact, oolong = LongContext(questions=file), LongContext(questions=file, scoring="oolong")
    task = oolong.sample(0, "train", 0, 1)
    assert (exact.verify(task, task.root, 4), oolong.verify(task, task.root, 4)) == (0.0, 0.75)
    assert (exact.verify(task, task.root, "3"), oolong.verify(task, task.root, "3")) == (1.0, 1.0)


def test_a_misspelled_scoring_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'oolong'"):
        make_setup("rao/LongContext-v0", scoring="olong")
