"""A tiny Qwen3 and its tokenizer, built from scratch for experiments that take minutes on a CPU.

The tokenizer is trained on transcripts. Operators, parentheses and the numbers next to them are separate tokens;
everything else merges freely, so that fixed wording, such as the frame of a tool call, becomes one token.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from rao_gym.errors import InvalidValueError
from rao_gym.limits import check_count, is_number

USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"

_APART = r"(?<=[-+*(/])[0-9]+|(?<![0-9])[0-9]+(?=[-+*)/}])|[-+*()]"
"""What stands apart. Numbers are looked at from their first digit alone, so that long ones take linear time."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|end|>' }}"
    "{% elif message['role'] != 'system' %}{{ '<|user|>' + message['content'] }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Omits the system message: a tiny model learns the rules and the action form in its warm start."""

_MINIMA = {
    "layers": 1,
    "width": 1,
    "heads": 1,
    "hidden": 1,
    "vocabulary": 300,  # every byte has a token, and words need some too
    "positions": 1,
    "attention_window": 0,
}


@dataclass(frozen=True, kw_only=True)
class TinyModelSettings:
    """The shape of the model.

    Attributes:
        layers: Number of layers.
        width: Width of the residual stream.
        heads: Attention heads of each layer.
        hidden: Width of the feed-forward layers.
        vocabulary: Maximum vocabulary size of the tokenizer.
        positions: Maximum sequence length.
        rope_theta: Base of the rotary position embedding; by default that of Qwen3.
        attention_window: Number of tokens that each layer attends to, including the current one; 0 for all. With a
            short window, a skill that needs only the last few tokens transfers from short transcripts to long ones.
    """

    layers: int = 3
    width: int = 96
    heads: int = 4
    hidden: int = 192
    vocabulary: int = 1024
    positions: int = 2048
    rope_theta: float = 1e6
    attention_window: int = 0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InvalidValueError: A value is out of range.
        """
        for name, minimum in _MINIMA.items():
            object.__setattr__(self, name, check_count(name, getattr(self, name), minimum=minimum))
        if self.width % self.heads or self.width // self.heads % 2:
            raise InvalidValueError(f"width must be an even multiple of heads={self.heads}, got {self.width}.")
        if not is_number(self.rope_theta) or not 0 < self.rope_theta < inf:
            raise InvalidValueError(f"rope_theta must be above 0 and finite, got {self.rope_theta!r}.")


def build_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer on transcripts.

    Args:
        texts: Contents of messages.
        vocabulary: Maximum vocabulary size; training stops earlier if nothing is left to merge.

    Returns:
        A tokenizer that can encode any text, with a chat template.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_APART), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[USER, ASSISTANT, END, PAD],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT],
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def build_model(settings: TinyModelSettings, tokenizer: Any, seed: int) -> Qwen3ForCausalLM:
    """Build a Qwen3 with random weights that depend on the seed alone."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        head_dim=settings.width // settings.heads,
        max_position_embeddings=settings.positions,
        use_sliding_window=settings.attention_window > 0,
        sliding_window=settings.attention_window or None,
        max_window_layers=0,
        rope_parameters={"rope_type": "default", "rope_theta": settings.rope_theta},
        initializer_range=settings.width**-0.5,  # at the usual 0.02, so narrow a model learns many times more slowly
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen3ForCausalLM(config)
