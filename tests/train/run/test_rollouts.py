"""Tasks and rollouts of a run: what a curriculum hears, and what an interruption leaves behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from counting import Counting
from tiny import Plan, make_rollout

from rao_gym.curriculum import AdaptiveDifficulty
from rao_gym.jsonable import JSON
from rao_gym.registry import setup_of
from rao_gym.rewards import Signals
from rao_train.engines import Sampling, TransformersEngine
from rao_train.models.tiny import TinyModelSettings, build_model, build_tokenizer
from rao_train.models.turn_template import TurnTemplate
from rao_train.rollout.trajectory import Rollout
from rao_train.rollout.worker import RolloutWorker
from rao_train.run.rollouts import RolloutQueue
from rao_train.run.task_source import CurriculumTasks, TaskGroup, TaskSourceParts

SETUP = setup_of(Counting, actions="tools", max_turns=2, window=None)


def test_a_root_that_a_judge_failed_on_does_not_count_as_a_failure() -> None:
    schedule = AdaptiveDifficulty(start=2, window=2)
    source = CurriculumTasks(TaskSourceParts(setup=SETUP, schedule=schedule, seed=0, tasks_per_step=1, group_size=2))
    right = make_rollout(Plan("right"))
    unjudged = replace(make_rollout(Plan("right")), signals=Signals(by_node={}, unjudged={0: "the judge failed"}))
    source.update([right, unjudged])
    assert source.state() == {"difficulty": 2, "outcomes": [1.0]}
    source.update([unjudged, unjudged])
    assert source.state() == {"difficulty": 2, "outcomes": [1.0]}


class Interrupted:
    """A source that counts its draws, and is interrupted while it hears how the second batch went."""

    def __init__(self) -> None:
        self.drawn: list[int] = []
        self.heard = 0

    def groups(self, number: int) -> Sequence[TaskGroup]:
        self.drawn.append(number)
        return [TaskGroup(task=SETUP.family.sample(0, "train", number, 1), size=2)]

    def update(self, rollouts: Sequence[Rollout]) -> None:
        self.heard += 1
        if self.drawn == [0, 1]:
            raise KeyboardInterrupt

    def state(self) -> dict[str, JSON]:
        return {"heard": self.heard}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.heard = state["heard"]


def test_an_interrupted_batch_counts_as_never_drawn() -> None:
    tokenizer = build_tokenizer(["Sum the numbers."], 300)
    template = TurnTemplate(tokenizer)
    model = build_model(TinyModelSettings(layers=1, width=16, heads=2, hidden=16), tokenizer, 0)
    engine = TransformersEngine(model, [template.end_id])
    worker = RolloutWorker(SETUP, engine, template, Sampling(max_new_tokens=2))
    source = Interrupted()
    queue = RolloutQueue(source, worker, seed=0, staleness=1)
    queue.grow(0)
    before = queue.state(), queue.waiting()
    with pytest.raises(KeyboardInterrupt):
        queue.grow(0)
    assert (queue.state(), queue.waiting()) == before
    queue.grow(0)
    assert source.drawn == [0, 1, 1]
    assert queue.is_full
    worker.close()
