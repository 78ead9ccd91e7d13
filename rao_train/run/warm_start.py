"""Demonstrations: what scripted policies write in the real runtime, as sequences to learn from.

Every agent of a tree follows one policy of a mixture, drawn when it first acts, so that delegating and direct
behaviour meet in one tree. The learned tokens are the actions, each with its end-of-turn token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from rao_gym.curriculum import FixedMixture
from rao_gym.errors import InvalidValueError, ServerError, WindowTooSmallError
from rao_gym.limits import TranscriptCounter
from rao_gym.policies.base import Policy, ask
from rao_gym.policies.loading import load_policy
from rao_gym.registry import Setup
from rao_gym.runtime import Runtime, turn_of
from rao_gym.sandbox import Sandbox
from rao_gym.tree import ChatMessage, ExecutionTree, Node
from rao_train.models.turn_template import TurnTemplate
from rao_train.recipes.warm_start import WarmStartStage
from rao_train.rollout.trajectory import TokenSequence


@dataclass(frozen=True)
class PolicyMixture:
    """Policies of which every agent follows one.

    Attributes:
        policies: The policies.
        shares: How often each is drawn, summing to 1.
    """

    policies: Sequence[Policy]
    shares: Sequence[float]

    @classmethod
    def load(cls, shares: Mapping[str, float], setup: Setup) -> PolicyMixture:
        """Load policies by name."""
        total = sum(shares.values())
        policies = [load_policy(name, setup.family) for name in shares]
        return cls(policies, [share / total for share in shares.values()])

    def draw(self, rng: np.random.Generator) -> Policy:
        """Return the policy that a new agent follows."""
        return self.policies[int(rng.choice(len(self.policies), p=self.shares))]


def demonstrate(
    setup: Setup,
    stage: WarmStartStage,
    seed: tuple[int, ...],
    *,
    num_trees: int | None = None,
    counter: TranscriptCounter | None = None,
) -> list[ExecutionTree]:
    """Play the demonstrations of a stage, all but those whose opening the window cannot hold.

    Args:
        setup: The family and the settings of its episodes.
        stage: Which tasks, and how they are played.
        seed: Seeds tasks and choices.
        num_trees: Trees to play; the stage's own number when left out.
        counter: Counts the window, as `ModelTokens` does for the model that is to learn; four characters are a token
            when left out, as long as there is no model yet.

    Raises:
        PolicyError: A policy raised.
        WindowTooSmallError: The window cannot hold the opening of a single task.
    """
    mixture = PolicyMixture.load(stage.policies, setup)
    difficulties = FixedMixture(stage.difficulties)
    rng = np.random.default_rng(seed)
    trees: list[ExecutionTree] = []
    misfit: WindowTooSmallError | None = None
    with closing(Sandbox()) as sandbox:
        runtime = setup.runtime(sandbox, counter)
        try:
            for index in range(stage.demonstrations if num_trees is None else num_trees):
                seed_of_task, difficulty = int(rng.integers(2**31)), difficulties.draw(rng)
                try:
                    runtime.reset(seed_of_task, difficulty, split=setup.settings.split, index=index)
                except WindowTooSmallError as error:
                    misfit = misfit or error
                    continue
                _play(runtime, mixture, rng)
                trees.append(runtime.tree)
        finally:
            runtime.release()
    if misfit is not None and not trees:
        raise misfit
    return trees


def _play(runtime: Runtime[Any], mixture: PolicyMixture, rng: np.random.Generator) -> None:
    """Grow one tree to its end."""
    followed: dict[Node, Policy] = {}
    while not runtime.done:
        for node in list(runtime.ready):
            if node not in followed:
                followed[node] = mixture.draw(rng)
            (answer,) = ask(followed[node], [turn_of(runtime, node)])
            if isinstance(answer, ServerError):
                raise answer
            runtime.act(node, answer)


def sequences_of(tree: ExecutionTree, template: TurnTemplate) -> list[TokenSequence]:
    """Return what there is to learn from each agent of a demonstration."""
    return [sequence_of(node.messages, template) for node in tree.nodes if node.turns]


def sequence_of(messages: Sequence[ChatMessage], template: TurnTemplate) -> TokenSequence:
    """Return a transcript as tokens, with the actions under the mask.

    Args:
        messages: Opening messages, then actions and replies in turn.
        template: Turns messages into tokens.

    Raises:
        InvalidValueError: There is no action among them.
    """
    first = next((place for place, message in enumerate(messages) if message["role"] == "assistant"), None)
    if first is None:
        raise InvalidValueError("A transcript to learn from needs at least one action.")
    tokens = template.opening(messages[:first])
    mask = [False] * len(tokens)
    for message in messages[first:]:
        written = message["role"] == "assistant"
        piece = template.written(message["content"]) if written else template.reply(message["content"], ended=True)
        tokens += piece
        mask += [written] * len(piece)
    return TokenSequence(tokens_T=np.array(tokens, dtype=np.int32), mask_T=np.array(mask, dtype=np.bool_))
