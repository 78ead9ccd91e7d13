"""A judge behind a real server in a training run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chat_server import ChatServer, running_server
from judged import verdict

from rao_gym.errors import InvalidValueError, UnknownNameError
from rao_gym.rewards import Source
from rao_train.recipes.reading import load_recipe
from rao_train.recipes.settings import Recipe
from rao_train.run.logs import read_log
from rao_train.run.phases import EVALUATION, TRAIN
from rao_train.run.trainer import Trainer

SMALL = (
    "model.tiny={layers = 1, width = 32, heads = 2, hidden = 32}",
    "environment.options.modulus=5",
    "warm_start.stages=[{name = 'one', steps = 60, learning_rate = 1e-2, demonstrations = 40}]",
    "curriculum.difficulties={1 = 1}",
    "training.steps=2",
    "training.tasks_per_step=4",
    "training.group_size=2",
    "credit.group_filter=none",
    "evaluation={difficulties = [1], tasks = 2}",
)


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with running_server() as server:
        yield server


def recipe_of(server: ChatServer, *overrides: str) -> Recipe:
    options = f"judge.options={{base_url = '{server.url}', backoff_s = 0.001, max_retries = 0}}"
    return load_recipe("arithmetic_tiny", [*SMALL, "judge.name=openai:critic", options, *overrides])


def steps(folder: Path, phase: str = TRAIN) -> list[dict[str, Any]]:
    return [dict(entry.metrics) for entry in read_log(folder) if entry.phase == phase]


def test_a_run_learns_from_what_the_judge_says(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.answer = lambda _body: chat_server.completion(verdict(0.5))
    Trainer(recipe_of(chat_server, "judge.signals=judge"), tmp_path).run()
    asked = [json.loads(request["messages"][1]["content"]) for request in chat_server.requests]
    assert all("goal" in each and "truth" not in each for each in asked)
    for metrics in steps(tmp_path):
        assert 0 < metrics["signals/judged"] <= 1
        assert (metrics["signals/unjudged"], metrics["signals/failures"]) == (0, 0)
        assert 0 < metrics["success/root"] <= 0.5  # the most that this judge gives
    assert 0 < steps(tmp_path, EVALUATION)[-1]["evaluation/success_1"] <= 0.5


def test_what_the_judge_fails_on_is_excluded_and_counted_and_the_run_goes_on(
    chat_server: ChatServer, tmp_path: Path
) -> None:
    chat_server.answer = lambda _body: chat_server.response(status=503)
    Trainer(recipe_of(chat_server, "judge.signals=judge,zero"), tmp_path).run()
    for metrics in steps(tmp_path):
        assert metrics["signals/failures"] == metrics["signals/unjudged"] > 0
        assert metrics["credit/excluded"] > 0
        assert metrics.get("success/root", 0.0) == 0.0  # what did not finish has failed, judge or not
    assert "rubric" in json.loads((tmp_path / "identity.json").read_text())["content"]


def test_signals_survive_in_a_checkpoint(chat_server: ChatServer, tmp_path: Path) -> None:
    chat_server.answer = lambda _body: chat_server.completion(verdict(0.5))
    late = ("judge.signals=judge,root", "training.staleness=1", "evaluation.final=false")
    Trainer(recipe_of(chat_server, *late, "training.steps=1"), tmp_path).run()
    chat_server.answer = lambda _body: chat_server.response(status=503)
    elsewhere = f"judge.options.base_url={chat_server.url.replace('127.0.0.1', 'localhost')}"
    Trainer(recipe_of(chat_server, *late, elsewhere), tmp_path).run()
    resumed = steps(tmp_path)[-1]
    assert resumed["signals/judged"] > 0
    assert resumed["signals/failures"] == 0
    other = recipe_of(chat_server, *late, "judge.options.temperature=1.0", "training.steps=3")
    with pytest.raises(InvalidValueError, match=r"judge\.options\.temperature"):
        Trainer(other, tmp_path).run()


@pytest.mark.parametrize(
    ("overrides", "kind", "message"),
    [
        (("judge.signals=exact,judge", "judge.name=root_signal"), InvalidValueError, "needs a judge: openai:MODEL"),
        (("judge.signals=exact,root",), InvalidValueError, "never asks the judge"),
        (("judge.signals=exact,jugde",), UnknownNameError, "Did you mean 'judge'"),
        (("judge.options.max_char=3",), UnknownNameError, "Did you mean 'max_chars'"),
        (("judge.options.rubric=no.toml",), FileNotFoundError, "Cannot read the rubric 'no.toml'"),
    ],
)
def test_what_does_not_fit_is_named_before_the_run(
    chat_server: ChatServer, overrides: tuple[str, ...], kind: type[Exception], message: str, tmp_path: Path
) -> None:
    plain = [override for override in overrides if not override.startswith("judge.name=root")]
    named = "judge.options={}" if len(plain) < len(overrides) else "training.steps=1"
    with pytest.raises(kind) as caught:
        Trainer(recipe_of(chat_server, named, *overrides), tmp_path)
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_built_in_chain_is_the_paper_s_proxy() -> None:
    chain = load_recipe("arithmetic_tiny", []).judge.grading().chain("rao/Arithmetic-v0")
    assert (chain.sources, chain.judge) == ((Source.EXACT, Source.ROOT, Source.ZERO), None)
