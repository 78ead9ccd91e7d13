"""The demonstrations of the recipes that build their model: what there is to learn from them, and how it is read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rao_gym.tree import ExecutionTree
from rao_train.recipes.reading import load_recipe
from rao_train.run.model import model_of
from rao_train.run.warm_start import demonstrate


@pytest.mark.parametrize("name", ["arithmetic_tiny", "arithmetic_tiny_notes", "arithmetic_30m"])
def test_demonstrations_practise_the_operations_that_evaluations_ask_for(name: str) -> None:
    """Whole tasks of one operation are few, and splits share none, so a model must practise theirs within others."""
    recipe = load_recipe(name)
    setup, (first, second, *_) = recipe.environment.setup(), recipe.warm_start.stages
    test_setup = replace(setup, settings=replace(setup.settings, split=recipe.evaluation.split))
    wanted = {step for tree in demonstrate(test_setup, first, (0,), num_trees=100) for step in _computed(tree)}
    practised = {step for tree in demonstrate(setup, second, (0,), num_trees=800) for step in _computed(tree)}
    assert first.difficulties == {1: 1.0}
    assert len(wanted) > 20
    assert len(wanted & practised) > len(wanted) / 3


def _computed(tree: ExecutionTree) -> set[tuple[str, str]]:
    """Return what the agents of a tree computed: their notes, and answers that they gave without any."""
    computed = set()
    for node in tree.nodes:
        actions = [message["content"] for message in node.messages if message["role"] == "assistant"]
        notes = {("", action) for action in actions if '"note"' in action}
        computed |= notes or {(node.goal, action) for action in actions if len(actions) == 1}
    return computed


def test_where_a_tiny_model_answers_one_layer_sees_the_whole_operation() -> None:
    """An operand beyond it is right only as far as the model learned to look twice, so one rare token costs answers."""
    recipe = load_recipe("arithmetic_tiny")
    _, tokenizer = model_of(recipe)
    trees = demonstrate(recipe.environment.setup(), recipe.warm_start.stages[1], (0,), num_trees=500)
    spans = set()
    for node in (node for tree in trees for node in tree.nodes if node.children):
        reply, answer = (message["content"] for message in node.messages[-2:])
        if operations := re.findall(r"^[0-9]+[-+*][0-9]+$", reply, re.MULTILINE):
            asked = reply[reply.rindex(operations[-1]) :] + "<|assistant|>" + answer.partition(str(node.value))[0]
            spans.add(len(tokenizer.encode(asked)))
    assert recipe.model.tiny is not None
    assert 8 < max(spans) <= recipe.model.tiny.attention_window
