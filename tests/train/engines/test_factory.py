"""Engines by name."""

from __future__ import annotations

import pytest
from tiny import tiny_model

from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_train.engines import EngineSettings, Request, Sampling, TransformersEngine
from rao_train.engines.factory import EngineParts, make_engine


def own(parts: EngineParts) -> TransformersEngine:
    return TransformersEngine(parts.model, parts.end_ids)


def parts(name: str) -> EngineParts:
    return EngineParts(model=tiny_model(), end_ids=[1], settings=EngineSettings(name=name))


@pytest.mark.parametrize("name", ["transformers", f"{__name__}:own"])
def test_engines_are_made_by_name_and_answer_what_was_not_cancelled(name: str) -> None:
    engine = make_engine(parts(name))
    engine.sync_weights(7)
    tickets = [engine.submit(Request([3, 4], seed=(place,)), Sampling(max_new_tokens=3)) for place in range(3)]
    engine.cancel(tickets[1:2])
    completed = engine.completed()
    assert [ticket for ticket, _ in completed] == [tickets[0], tickets[2]]
    assert all(completion.versions == [7] * len(completion.ids) for _, completion in completed)
    assert engine.completed() == []
    engine.close()


def test_unknown_engines_are_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'transformers'"):
        make_engine(parts("transformer"))
    with pytest.raises(InvalidValueError, match="Cannot import 'nowhere:engine'"):
        make_engine(parts("nowhere:engine"))
