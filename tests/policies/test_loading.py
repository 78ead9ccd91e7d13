"""Policies by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from counting import Counting

from rao_gym.errors import InvalidValueError, MissingExtraError, PolicyError, UnknownNameError
from rao_gym.policies import loading
from rao_gym.policies.base import ConcurrentPolicy, FunctionPolicy, Policy, Turn
from rao_gym.policies.loading import identifying_options, load_policy, policy_name
from rao_gym.policies.random import RandomPolicy

MODULE = """
class Fixed:
    def __init__(self, text="fixed"):
        self.text = text
    def act(self, turns):
        return [self.text for turn in turns]

class Broken:
    def __init__(self):
        raise OSError("no weights")

class NoPolicy:
    pass

def echo(turns):
    return [turn.agent for turn in turns]

number = 5
"""


class Scripted(Counting):
    """Brings policies that can be told apart."""

    def reference_policy(self) -> Policy:
        return FunctionPolicy(lambda turns: ["reference"] * len(turns))

    def single_policy(self) -> Policy:
        return FunctionPolicy(lambda turns: ["single"] * len(turns))


def folder_policy(path: str, *, text: str = "") -> Policy:
    return FunctionPolicy(lambda turns: [f"{path} {text}"] * len(turns))


def function_policy(turns: Sequence[Turn]) -> list[str]:
    return ["plain"] * len(turns)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "policy_of_a_user.py").write_text(MODULE)
    (tmp_path / "broken_module_of_a_user.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "policy_of_a_user"


@pytest.mark.parametrize("name", ["reference", "single"])
def test_the_family_brings_scripted_policies(name: str) -> None:
    assert load_policy(name, Scripted()).act([None]) == [name]  # type: ignore[list-item]


def test_random_and_openai_take_options() -> None:
    assert load_policy("random", Counting(), seed=3) == RandomPolicy(seed=3)
    policy = load_policy("openai:org/model:tag", Counting(), base_url="http://localhost:1/v1", max_tokens=5)
    assert isinstance(policy, ConcurrentPolicy)


def test_how_a_server_is_reached_is_no_part_of_what_it_answers() -> None:
    options = {
        "base_url": "http://localhost:1",
        "timeout_s": 3,
        "input_price": 1,
        "seed": 1,
        "extra_body": {"top_k": 5},
    }
    assert identifying_options("openai:m", options) == {"seed": 1, "extra_body": {"top_k": 5}}
    assert identifying_options("module:Class", options) == options


def test_objects_and_functions_pass_through() -> None:
    policy = RandomPolicy()
    assert load_policy(policy, Counting()) is policy
    assert load_policy(function_policy, Counting()).act([None]) == ["plain"]  # type: ignore[list-item]


def test_a_users_class_or_function_is_imported(module: str) -> None:
    assert load_policy(f"{module}:Fixed", Counting(), text="hi").act([None]) == ["hi"]  # type: ignore[list-item]
    assert load_policy(f"{module}:echo", Counting()).act([]) == []


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("referense", {}, UnknownNameError, "Unknown policy 'referense'. Did you mean 'reference'"),
        ("opanai:x", {}, UnknownNameError, "Did you mean 'openai:MODEL'"),
        ("openai:", {}, InvalidValueError, "needs a name after the colon"),
        ("reference", {"base_url": "x"}, UnknownNameError, "Unknown option of policy reference 'base_url'"),
        ("random", {"sead": 1}, UnknownNameError, "Did you mean 'seed'"),
        ("openai:x", {"temprature": 1}, UnknownNameError, "Did you mean 'temperature'"),
        ("policy_of_a_user:Fixd", {}, InvalidValueError, "Cannot import 'policy_of_a_user:Fixd'"),
        ("no_such_module_at_all:X", {}, InvalidValueError, "No module named 'no_such_module_at_all'"),
        ("policy_of_a_user:Fixed", {"txt": 1}, UnknownNameError, "Did you mean 'text'"),
        ("policy_of_a_user:echo", {"txt": 1}, UnknownNameError, "Unknown option of policy"),
        ("policy_of_a_user:Broken", {}, InvalidValueError, "cannot be built: OSError: no weights"),
        ("policy_of_a_user:NoPolicy", {}, PolicyError, "A policy has act"),
        ("policy_of_a_user:number", {}, PolicyError, "got int"),
        (
            "broken_module_of_a_user:X",
            {},
            InvalidValueError,
            "of_a_user:X': ZeroDivisionError",
        ),
    ],
)
@pytest.mark.usefixtures("module")
def test_bad_names_and_options_are_named(
    name: str, options: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        load_policy(name, Scripted(), **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


class TestEntryPoints:
    """Policies that other packages bring."""

    @staticmethod
    def install(monkeypatch: pytest.MonkeyPatch, **points: str) -> None:
        found = EntryPoints(EntryPoint(name, value, loading.ENTRY_POINTS) for name, value in points.items())
        monkeypatch.setattr(loading, "entry_points", lambda **chosen: found.select(**chosen))

    def test_a_factory_gets_the_rest_of_the_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(Path(__file__).parent)
        self.install(monkeypatch, hf=f"{Path(__file__).stem}:folder_policy")
        policy = load_policy("hf:runs/a:b", Counting(), text="c")
        assert policy.act([None]) == ["runs/a:b c"]  # type: ignore[list-item]
        with pytest.raises(UnknownNameError, match="Did you mean 'text'"):
            load_policy("hf:runs/a", Counting(), txt="c")

    def test_a_missing_extra_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.install(monkeypatch)
        with pytest.raises(MissingExtraError, match=r"pip install 'rao-gym\[train\]'"):
            load_policy("hf:runs/a", Counting())
        self.install(monkeypatch, hf="module_that_needs_torch:load")
        with pytest.raises(MissingExtraError, match=r"pip install 'rao-gym\[train\]' \(No module named"):
            load_policy("hf:runs/a", Counting())


def test_results_call_a_policy_by_its_name() -> None:
    assert policy_name("openai:x") == "openai:x"
    assert policy_name(RandomPolicy()) == "rao_gym.policies.random:RandomPolicy"
    assert policy_name(function_policy) == f"{__name__}:function_policy"
