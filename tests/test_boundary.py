"""What leaves the sandbox, through the runtime that agents meet it by."""

from __future__ import annotations

import copy
import os
import pickle
import tracemalloc
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pytest
from counting import Counting, call, cell

from rao_gym.boundary import MAX_JOINT_SIZE, MAX_SIZE, MAX_TREE_SIZE, PART_SIZE, RefusedValueError, plain, size_of
from rao_gym.errors import UsageError
from rao_gym.limits import Limits
from rao_gym.runtime import Runtime
from rao_gym.sandbox import Sandbox, SandboxLimits
from rao_gym.tree import StopReason

STRANGE = "class P:\n    def __init__(self):\n        self.x = 1\n"
SHARED = "a = [1]\nfor _ in range(40):\n    a = [a, a]\n"
LONG = "s = 'a' * 10**5\n"


@pytest.fixture
def runtime(sandbox: Sandbox) -> Runtime[tuple[int, ...]]:
    runtime = Runtime(Counting(), Limits(max_turns=None), actions="python", sandbox=sandbox)
    runtime.reset(seed=0, difficulty=3)
    return runtime


def reply(runtime: Runtime[tuple[int, ...]], code: str) -> str:
    """Let the root run a cell and return what it sees."""
    runtime.act(runtime.tree.root, cell(code))
    return runtime.tree.root.messages[-1]["content"]


@pytest.mark.parametrize(
    ("prepare", "value", "error"),
    [
        (STRANGE, "{P()}", "TypeError"),
        (STRANGE, "[{P(): 1}]", "TypeError"),
        (SHARED, "a", "ValueError"),
        (LONG, "[s] * 2000", "ValueError"),
        ("", "'a' * 2_000_000", "ValueError"),
        ("", "{'a' * 2_000_000: 1}", "ValueError"),
        ("a = 2**4_000_000", "[a] * 100", "ValueError"),
        ("x = [1]\nfor _ in range(200):\n    x = [x]", "x", "ValueError"),
    ],
)
@pytest.mark.parametrize(
    "crossing",
    [
        "{}",
        "finish({})",
        "finish([{}])",
        "peek({})",
        "peek(index={})",
        "peek(**{{'other': {}}})",
        "await launch_subagent({}, 0, 1)",
        "await launch_subagent('x', 0, 1, {})",
    ],
)
def test_what_cannot_leave_is_an_error_in_the_cell(
    runtime: Runtime[tuple[int, ...]], prepare: str, value: str, error: str, crossing: str
) -> None:
    seen = reply(runtime, f"{prepare}\n{crossing.format(value)}")
    assert f"{error}: " in seen
    assert len(seen) < 2_000
    assert reply(runtime, "print('alive')") == "alive"
    assert len(runtime.tree) == 1


def test_a_cell_can_catch_what_its_answer_was_refused_for(runtime: Runtime[tuple[int, ...]]) -> None:
    reply(runtime, "try:\n    finish('a' * 2_000_000)\nexcept ValueError:\n    finish('short')")
    assert runtime.tree.root.value == "short"


@pytest.mark.parametrize("name", ["'a' * 900_000", "'a' * 5_000_000"])
def test_long_names_are_neither_compared_nor_repeated(runtime: Runtime[tuple[int, ...]], name: str) -> None:
    seen = reply(
        runtime,
        f"for _ in range(20):\n    try:\n        peek(**{{{name}: 1}})\n    except Exception as e:\n"
        "        last = str(e)\nprint(last)",
    )
    assert "has no argument" in seen or "too large" in seen
    assert len(seen) < 400


@pytest.mark.parametrize(
    "code",
    [
        "r = launch_subagent('x', 0, 1)\nfinish(r)",
        "finish([launch_subagent('x', 0, 1)])",
        "finish({'a': launch_subagent('x', 0, 1)})",
        "finish(f'the answer is {launch_subagent(\"x\", 0, 1)}')",
        "r = launch_subagent('x', 0, 1)\nawait launch_subagent(f'use {r}', 0, 1)",
        "peek(launch_subagent('x', 0, 1))",
        "finish(asyncio.gather(launch_subagent('x', 0, 1)))",
        "async def help():\n    return await launch_subagent('x', 0, 1)\nfinish(help())",
    ],
)
def test_a_missing_await_is_an_error_that_says_so(runtime: Runtime[tuple[int, ...]], code: str) -> None:
    seen = reply(runtime, code)
    assert "TypeError" in seen
    assert "Write `await` before the call" in seen
    assert not runtime.done
    assert len(runtime.tree) == 1


def test_a_launch_of_an_earlier_cell_cannot_be_the_answer(runtime: Runtime[tuple[int, ...]]) -> None:
    reply(runtime, "r = launch_subagent('x', 0, 1)")
    assert "Write `await` before the call" in reply(runtime, "finish(r)")


def test_objects_become_text_that_shows_what_they_hold(runtime: Runtime[tuple[int, ...]]) -> None:
    assert reply(runtime, STRANGE + "P()") == "P(x=1)"
    reply(runtime, "finish([P(), len, 1j])")
    assert runtime.tree.root.value == ["P(x=1)", "MontyStdTypeProxy(kind='function', name='len')", "1j"]


def test_a_cell_that_computes_with_huge_integers_is_stopped_and_the_session_starts_anew() -> None:
    sandbox = Sandbox(SandboxLimits(cell_seconds=0.2))
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0, difficulty=3)
    runtime.act(root, cell("x = 7**9_999_999"))
    assert "TimeoutError" in root.messages[-1]["content"]
    assert "the session starts anew" in root.messages[-1]["content"]
    assert list(runtime.ready) == [root]
    runtime.act(root, cell("finish(size)"))
    assert root.stop_reason is StopReason.FINISHED
    sandbox.close()


def test_tool_calls_are_bounded_as_cells_are() -> None:
    runtime = Runtime(Counting(), Limits(window=None), actions="tools")
    root = runtime.reset(seed=0)
    runtime.act(root, call("finish", answer="a" * 2_000_000))
    assert "too large" in root.messages[-1]["content"]
    nested: Any = 1
    for _ in range(150):
        nested = [nested]
    runtime.act(root, call("finish", answer=nested))
    assert "nested more than 100 levels deep" in root.messages[-1]["content"]
    runtime.act(root, call("finish", answer="<coroutine object f>"))
    assert root.value == "<coroutine object f>"


def test_a_shared_part_counts_each_time_and_stays_shared() -> None:
    part = ["a" * 1_000]
    count = MAX_SIZE // (1_000 + 2 * PART_SIZE) - 1
    whole = plain([part] * count, "It")
    assert whole[0] is whole[-1]
    with pytest.raises(RefusedValueError, match="too large"):
        plain([part] * (count + 2), "It")
    assert size_of(whole, at_most=MAX_SIZE) == count * (1_000 + 2 * PART_SIZE) + PART_SIZE
    assert size_of(whole, at_most=1_000) is None


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless += [endless, endless]
    with pytest.raises(RefusedValueError, match="nested"):
        plain(endless, "It")


def test_refused_answers_leave_nothing_behind(runtime: Runtime[tuple[int, ...]]) -> None:
    reply(runtime, LONG)
    tracemalloc.start()
    for _ in range(5):
        reply(runtime, "finish([s] * 10_000)")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 2**20


GATHER = "print(await asyncio.gather(*[launch_subagent({goal}, 0, 1) for _ in range({number})]))"


@pytest.mark.parametrize("characters", [50_000, 900_000, 10_000_000])
def test_goals_that_do_not_fit_the_window_are_not_kept(runtime: Runtime[tuple[int, ...]], characters: int) -> None:
    code = GATHER.format(goal=f"'a' * {characters}", number=64)
    reply(runtime, "x = 1")  # the workers are there
    tracemalloc.start()
    seen = reply(runtime, code)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "Launch refused" in seen or "too large" in seen
    assert len(runtime.tree) == 1
    assert peak < 3 * MAX_JOINT_SIZE
    assert held < MAX_SIZE


def test_launches_that_wait_are_bounded_together(runtime: Runtime[tuple[int, ...]]) -> None:
    goal = "goal = 'a' * 900_000\n"
    code = f"{goal}kept = 0\ntry:\n    while True:\n        launch_subagent(goal, 0, 1)\n        kept += 1\n"
    seen = reply(runtime, f"{code}except ValueError as error:\n    print(kept, error)")
    assert seen.startswith("4 the launches that wait are too large together: at most 4,000,000 characters.")
    assert "4 launch_subagent call(s) were never awaited" in seen
    assert "Launch refused" in reply(runtime, goal + GATHER.format(goal="goal", number=4))


@pytest.mark.parametrize(("characters", "kept"), [(900_000, 4), (2_000, 16)])
def test_what_one_wait_returns_is_bounded(runtime: Runtime[tuple[int, ...]], characters: int, kept: int) -> None:
    root = runtime.tree.root
    code = "gathered = await asyncio.gather(*[launch_subagent('x', 0, 1) for _ in range(16)])\n"
    runtime.act(root, cell(f"{code}print([len(each) for each in gathered], gathered[-1][:200])"))
    for child in list(runtime.ready):
        runtime.act(child, cell(f"finish('a' * {characters})"))
    seen = root.messages[-1]["content"]
    assert seen.count(str(characters)) == kept
    assert ("Subagent failed: too much is returned at once, at most 4,000,000 characters" in seen) is (kept < 16)
    assert all(child.stop_reason is StopReason.FINISHED for child in root.children)


def test_what_a_tree_keeps_is_bounded(sandbox: Sandbox) -> None:
    limits = Limits(max_turns=None, max_children=None)
    runtime = Runtime(Counting(), limits, actions="python", sandbox=sandbox)
    root = runtime.reset(seed=0, difficulty=3)
    while not runtime.done:
        runtime.act(root, cell("r = await launch_subagent('x', 0, 1)\nprint(len(r))"))
        runtime.act(root.children[-1], cell("finish('a' * 900_000)"))
        assert len(root.children) <= MAX_TREE_SIZE // 900_000 + 1
    assert root.stop_reason is StopReason.OUT_OF_BUDGET
    assert root.detail == "its answers and launches have over 64,000,000 characters"


@pytest.mark.parametrize("megabytes", [1, 12, 20])
def test_results_do_not_depend_on_the_number_of_workers(megabytes: int) -> None:
    seen = []
    for workers in (1, 4):
        sandbox = Sandbox(max_workers=workers)
        trees = [Runtime(Counting(), Limits(window=None), "python", sandbox=sandbox) for _ in range(3)]
        for runtime in trees:
            runtime.reset(seed=0)
            runtime.act(runtime.tree.root, cell(f"x = 'a' * ({megabytes} * 2**20)"))
        for runtime in trees:
            runtime.act(runtime.tree.root, cell("finish(len(x))"))
        seen.append([runtime.tree.to_json() for runtime in trees])
        sandbox.close()
    assert seen[0] == seen[1]
    assert (f'"value":{megabytes * 2**20}' in seen[0][0]) is (megabytes < 16)


def test_a_forked_process_leaves_the_workers_of_its_parent_alone() -> None:
    sandbox = Sandbox(max_workers=1)
    runtime = Runtime(Counting(), actions="python", sandbox=sandbox)
    runtime.reset(seed=0)
    assert reply(runtime, "x = 1") == "(no output)"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        seen = "nothing raised"
        try:
            reply(runtime, "x = 2\nprint('child')")
        except UsageError as error:
            seen = str(error)
            runtime.close()
        finally:
            os.write(writing, seen.encode())
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        assert pipe.read().startswith("Python cells cannot run in a process that was forked from one that ran them.")
    assert reply(runtime, "print(x)") == "1"
    sandbox.close()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_an_environment_can_be_copied_after_its_first_cell(copied: Callable[[Any], Any]) -> None:
    env = gym.make("rao/LongContext-v0", actions="python")
    env.reset(seed=0)
    env.step(cell("x = 20"))
    other = copied(env)
    env.step(cell("x += 1"))
    assert other.step(cell("print(x)"))[0]["message"].startswith("20")
    assert env.step(cell("print(x)"))[0]["message"].startswith("21")
    other.close()
    env.close()
