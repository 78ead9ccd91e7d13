"""The policy ``hf:PATH``: a causal language model in a Hugging Face folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON
from rao_gym.policies.base import Answer, EndReason, Turn
from rao_train.engines import Completion, Request, Sampling, TransformersEngine
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.loading import folder_content, load_folder
from rao_train.models.tokens import ModelTokens
from rao_train.models.turn_template import TurnTemplate
from rao_train.rollout.player import EnginePlayer


class HuggingFacePolicy:
    """Acts with a causal language model.

    It plays as in training: a node's tokens are kept from turn to turn, its sampling is seeded by its tree and its
    place in it, and a node whose transcript exceeds the model's context ends, out of window.

    Args:
        path: A folder that `AutoModelForCausalLM` loads, with a tokenizer that has a chat template.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        temperature: Divides the logits; 0 takes the most probable token.
        top_p: Nucleus sampling: the share of the probability mass to sample from.
        top_k: The number of most probable tokens to sample from; 0 for all.
        max_tokens: Most tokens of one action.
        seed: Seed of the sampling.
        dtype: Precision of the weights; ``"auto"`` keeps the stored one.
        template_arguments: Variables of the chat template, such as ``{"enable_thinking": False}``.

    Raises:
        MissingFileError: There is no such folder, or it holds no model.
        FileFormatError: The model cannot be loaded, or the tokenizer has no chat template.
        InvalidValueError: A value is out of range, or the device does not exist.
    """

    def __init__(
        self,
        path: str,
        *,
        device: str = "cpu",
        temperature: float = 0.0,
        top_p: float = 1.0,
        top_k: int = 0,
        max_tokens: int = 512,
        seed: int = 0,
        dtype: str = "auto",
        template_arguments: Mapping[str, JSON] | None = None,
    ) -> None:
        self._sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k, max_new_tokens=max_tokens)
        model, tokenizer = load_folder(path, device, dtype)
        self._template = TurnTemplate(tokenizer, template_arguments, declared_end_ids(model))
        self._engine = TransformersEngine(model, list(self._template.end_ids))
        config: Any = model.config.get_text_config()
        self._max_length: int | None = getattr(config, "max_position_embeddings", None)
        if self._max_length is not None and max_tokens >= self._max_length:
            raise InvalidValueError(
                f"max_tokens={max_tokens} leaves no room for a prompt: {path} reads {self._max_length} tokens."
            )
        self._seed = seed
        self._path = path

    @cached_property
    def content(self) -> str:
        """A hash of the model folder, because results of other weights at the same path belong to another run."""
        return folder_content(self._path)

    def player(self) -> EnginePlayer:
        """Return a player for whole trees, as in training: conversations are kept, sampling is seeded by node."""
        return EnginePlayer(
            self._engine, self._template, self._sampling, max_length=self._max_length, seed=(self._seed,)
        )

    @property
    def counter(self) -> ModelTokens:
        """Counts the window in the model's own tokens."""
        return ModelTokens(self._template)

    def act(self, turns: Sequence[Turn]) -> list[Answer]:
        """Write one action for each turn, without knowing its tree; drivers use the `player` instead."""
        requests = [self._request(turn) for turn in turns]
        readable = [request for request in requests if request is not None]
        completions = iter(self._engine.generate(readable, self._sampling) if readable else [])
        return [self._answer(None if request is None else next(completions)) for request in requests]

    def _answer(self, completion: Completion | None) -> Answer:
        """Return a completion as an answer; None stands for a transcript that exceeds the model's context."""
        if completion is None:
            return Answer("", end=EndReason.OVERFLOW)
        text = self._template.action_text(completion.ids, ended=completion.ended)
        return Answer(text, end=EndReason.FINISHED if completion.ended else EndReason.LENGTH)

    def _request(self, turn: Turn) -> Request | None:
        """Return the engine's request; None for a transcript that exceeds the model's context."""
        ids = self._template.transcript(turn.messages)
        if self._max_length is not None and len(ids) + self._sampling.max_new_tokens > self._max_length:
            return None
        drawn_from = turn.agent.encode() + np.asarray(ids, dtype=np.int32).tobytes()
        return Request(ids, (self._seed, *np.frombuffer(_digest(drawn_from), dtype=np.uint32).tolist()))


def _digest(data: bytes) -> bytes:
    """Return 16 bytes that stand for any number of them."""
    return hashlib.blake2b(data, digest_size=16).digest()
