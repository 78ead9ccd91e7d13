"""Answers that say more than their text, and policies that answer one turn at a time."""

from __future__ import annotations

import asyncio

import pytest
from counting import Counting, call

from rao_gym.answer import ModelCall
from rao_gym.errors import PolicyError, ServerError
from rao_gym.policies.base import Answer, ConcurrentPolicy, EndReason, Turn, Usage, as_policy, ask
from rao_gym.runtime import Runtime, turn_of
from rao_gym.tree import ExecutionTree, StopReason


def started() -> Runtime[tuple[int, ...]]:
    runtime = Runtime(Counting(), actions="tools")
    runtime.reset(0, 2)
    return runtime


def test_what_an_answer_says_beside_its_text_is_kept_in_the_tree() -> None:
    runtime = started()
    answer = Answer(
        call("finish", answer=1),
        reasoning=f"\ud800{call('finish', answer=2)}",
        usage=Usage(prompt_tokens=9, completion_tokens=4, cost=0.5),
        latency_s=1.5,
        model="m",
    )
    runtime.act(runtime.tree.root, answer)
    root = runtime.tree.root
    assert root.value == 1
    assert root.messages[-1] == {"role": "assistant", "content": answer.text}
    assert root.calls[0].reasoning.startswith("\ufffd")
    assert (root.calls[0].turn, root.calls[0].usage.cost, root.calls[0].usage.cached_tokens) == (0, 0.5, None)
    assert ExecutionTree.from_json(runtime.tree.to_json()).root.calls == root.calls


def test_plain_answers_leave_the_tree_as_texts_do() -> None:
    trees = []
    for answer in ("hm", Answer("hm")):
        runtime = started()
        runtime.act(runtime.tree.root, answer)
        trees.append(runtime.tree.to_json())
    assert trees[0] == trees[1]


def test_an_answer_that_was_cut_off_is_told_so() -> None:
    runtime = started()
    runtime.act(runtime.tree.root, Answer("hm", end=EndReason.LENGTH))
    assert "cut off" in runtime.tree.root.messages[-1]["content"]


def test_a_prompt_that_no_longer_fits_ends_the_node() -> None:
    runtime = started()
    runtime.act(runtime.tree.root, Answer("", end=EndReason.OVERFLOW, model="m"))
    assert runtime.tree.root.stop_reason is StopReason.OUT_OF_WINDOW
    assert runtime.tree.root.calls == [ModelCall(turn=0, end=EndReason.OVERFLOW, model="m")]


def test_the_policys_own_count_of_tokens_is_taken() -> None:
    runtime = started()
    before = runtime.tree.root.tokens
    runtime.act(runtime.tree.root, Answer(call("finish", answer=1), num_tokens=1000))
    assert runtime.tree.root.tokens == before + 1000


@pytest.mark.parametrize("damage", [{"end": "bored"}, {"turn": "x"}, {"usage": {"cost": "much"}}])
def test_a_damaged_record_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"bored|turn|cost"):
        ModelCall.from_dict({"turn": 0} | damage)


class Slow:
    """Answers with the number of turns that were under way with it."""

    def __init__(self) -> None:
        self.under_way = 0
        self.closed = False

    async def answer(self, turn: Turn) -> str | Answer:
        self.under_way += 1
        await asyncio.sleep(0.01)
        return str(self.under_way)

    async def close(self) -> None:
        self.closed = True


def turns() -> list[Turn]:
    runtime = started()
    return [turn_of(runtime, runtime.tree.root)] * 3


def test_an_asynchronous_policy_answers_many_turns_at_once() -> None:
    slow = Slow()
    policy = as_policy(slow)
    assert isinstance(policy, ConcurrentPolicy)
    assert as_policy(policy) is policy
    assert list(policy.act(turns())) == ["3", "3", "3"]
    policy.close()
    assert slow.closed


def test_an_async_function_is_a_policy_and_its_failures_are_named() -> None:
    numbers = iter(range(9))

    async def answer(_turn: Turn) -> str:
        if (number := next(numbers)) == 1:
            raise ServerError("down")
        return "" if number < 3 else str(1 // 0)

    policy = as_policy(answer)
    assert [str(item) for item in ask(policy, turns())] == ["", "down", ""]
    with pytest.raises(PolicyError, match=r"raised ZeroDivisionError: .* \(test_answers.py, line \d+\)"):
        ask(policy, turns())
