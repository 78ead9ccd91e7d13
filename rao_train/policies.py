"""The policy ``hf:PATH``: a Hugging Face folder that plays."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rao_gym.errors import InvalidValueError
from rao_gym.jsonable import JSON
from rao_gym.policies.base import Turn
from rao_train.engines import Completion, Request, Sampling, TransformersEngine
from rao_train.models.generation_config import declared_end_ids
from rao_train.models.loading import load_folder
from rao_train.models.turn_template import TurnTemplate


class HuggingFacePolicy:
    """Acts with a causal language model.

    Transcripts are tokenized turn by turn, as in training. Draws are seeded by what the model reads, so that equal
    transcripts get equal answers whatever else is in the batch.

    Args:
        path: A folder that `AutoModelForCausalLM` loads, with a tokenizer that has a chat template.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        temperature: Divides the logits; 0 takes the most probable token.
        top_p: Tokens are drawn from the smallest set that holds this share of the probability.
        top_k: Tokens are drawn from this many of the most probable; 0 is all.
        max_tokens: Tokens of one action.
        seed: Seeds the draws.
        dtype: Precision of the weights; ``"auto"`` for that in which they are stored.
        template_arguments: Variables of the chat template, such as ``{"enable_thinking": False}``.

    Raises:
        MissingFileError: There is no such folder, or it holds no model.
        FileFormatError: The model cannot be loaded, or the tokenizer has no chat template.
        InvalidValueError: A value is out of range, or the device is not there.
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
        self._seed = seed

    def act(self, turns: Sequence[Turn]) -> list[str]:
        """Write one action text for each turn."""
        requests = [self._request(turn) for turn in turns]
        readable = [request for request in requests if request is not None]
        completions = iter(self._engine.generate(readable, self._sampling) if readable else [])
        return ["" if request is None else self._text(next(completions)) for request in requests]

    def _text(self, completion: Completion) -> str:
        """Return a completion as an action text."""
        return self._template.action_text(completion.ids, ended=completion.ended)

    def _request(self, turn: Turn) -> Request | None:
        """Return what is asked of the engine; None for a transcript that is longer than the model can read.

        Raises:
            InvalidValueError: The model cannot even read a task's opening.
        """
        ids = self._template.transcript(turn.messages)
        length = len(ids) + self._sampling.max_new_tokens
        if self._max_length is not None and length > self._max_length:
            if turn.depth == 0 and all(message["role"] != "assistant" for message in turn.messages):
                raise InvalidValueError(
                    f"A task's opening takes {len(ids)} tokens and a turn up to {self._sampling.max_new_tokens}; the "
                    f"model reads {self._max_length}. Lower max_tokens or the difficulty."
                )
            return None
        drawn_from = np.asarray(ids, dtype=np.int32).tobytes()
        return Request(ids, (self._seed, *np.frombuffer(_digest(drawn_from), dtype=np.uint32).tolist()))


def _digest(data: bytes) -> bytes:
    """Return 16 bytes that stand for any number of them."""
    return hashlib.blake2b(data, digest_size=16).digest()
