"""Chat templates of many families, each with a tokenizer of its kind that is trained on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

FOLDER = Path(__file__).parent / "chat_templates"
_WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_TEXTS = [
    "You are an agent. Write code in a fenced block, then call finish with the answer.",
    "```python\nprint(read(0, 20))\nanswer = 2 + 3\n```\n\n",
    '<tool_call>{"name": "finish", "arguments": {"answer": 42}}</tool_call>',
    "<tool_response>\nSubagent failed: out_of_window\n</tool_response>",
    "[INST] What is the sum of the numbers? [/INST] The sum is 17.",
    "System User Assistant model system user assistant\n\n",
] * 3


@dataclass(frozen=True)
class Chat:
    """A template and the tokenizer that it comes with.

    Attributes:
        template: File of the template.
        special: Special tokens; the first ends a turn.
        added: Tokens that are added but not special.
        tokenizer: ``bytes`` for byte-level BPE; for SentencePiece, which puts a space before a text, ``always`` or
            ``first`` for the scheme of its Metaspace, or ``prepend`` for an older tokenizer that normalizes.
        arguments: Variables of the template.
    """

    template: str
    special: tuple[str, ...]
    added: tuple[str, ...] = ()
    tokenizer: str = "bytes"
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> Any:
        """Return the tokenizer, with its template."""
        return PreTrainedTokenizerFast(
            tokenizer_object=_trained(self.tokenizer, self.special, self.added),
            bos_token=next(token for token in reversed(self.special)),
            eos_token=self.special[0],
            additional_special_tokens=list(self.special),
            chat_template=(FOLDER / f"{self.template}.jinja").read_text(encoding="utf-8"),
            clean_up_tokenization_spaces=False,
            name_or_path=self.template,
        )


@cache
def _trained(kind: str, special: tuple[str, ...], added: tuple[str, ...]) -> Tokenizer:
    """Train a tokenizer of one kind."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=kind != "bytes", unk_token=None))
    if kind == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        alphabet = sorted({chr(code) for code in range(32, 127)} | {"\n", "▁"})
        if kind == "prepend":
            tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
            words: Any = pre_tokenizers.Split("▁", behavior="merged_with_next")
        else:
            words = pre_tokenizers.Metaspace(prepend_scheme=kind)
        lines = pre_tokenizers.Split(Regex(r"\n+"), behavior="isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, lines])
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    trainer = trainers.BpeTrainer(
        vocab_size=700, initial_alphabet=alphabet, special_tokens=list(special), show_progress=False
    )
    tokenizer.train_from_iterator(_TEXTS, trainer)
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in added])
    return tokenizer


_CHATML = ("<|im_end|>", "<|im_start|>", "<|endoftext|>")
_QWEN = ("<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
_DEEPSEEK = ("<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>")
_DEEPSEEK_ADDED = ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>")
_GEMMA = ("<end_of_turn>", "<start_of_turn>", "<bos>")
_NEMOTRON = ("<SPECIAL_12>", "<SPECIAL_11>", "<SPECIAL_10>")

CHATS: dict[str, Chat] = {
    "ChatML": Chat("chatml", _CHATML),
    "Qwen3": Chat("qwen3", _CHATML, _QWEN),
    "Qwen3, enable_thinking=false": Chat("qwen3", _CHATML, _QWEN, arguments={"enable_thinking": False}),
    "Llama 2": Chat("llama2", ("</s>", "<s>"), tokenizer="prepend"),
    "Llama 3": Chat("llama3", ("<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|begin_of_text|>")),
    "Mistral v3, Metaspace always": Chat("mistral_v3", ("</s>", "[INST]", "[/INST]", "<s>"), tokenizer="always"),
    "Mistral v3, Metaspace first": Chat("mistral_v3", ("</s>", "[INST]", "[/INST]", "<s>"), tokenizer="first"),
    "Mistral v7": Chat("mistral_v7", ("</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "<s>")),
    "Gemma": Chat("gemma", _GEMMA, tokenizer="first"),
    "Gemma 3": Chat("gemma3", _GEMMA, tokenizer="first"),
    "Phi-3": Chat("phi3", ("<|end|>", "<|user|>", "<|assistant|>", "<|system|>"), tokenizer="always"),
    "Phi-4": Chat("phi4", ("<|im_end|>", "<|im_start|>", "<|im_sep|>")),
    "DeepSeek V3": Chat("deepseek_v3", _DEEPSEEK, _DEEPSEEK_ADDED),
    "DeepSeek R1": Chat("deepseek_r1", _DEEPSEEK, _DEEPSEEK_ADDED),
    "DeepSeek V3.1": Chat("deepseek_v31", _DEEPSEEK, _DEEPSEEK_ADDED),
    "DeepSeek V3.1, thinking=true": Chat("deepseek_v31", _DEEPSEEK, _DEEPSEEK_ADDED, arguments={"thinking": True}),
    "Nemotron Nano 2": Chat("nemotron_nano", _NEMOTRON),
    "Nemotron Nano 2, enable_thinking=false": Chat("nemotron_nano", _NEMOTRON, arguments={"enable_thinking": False}),
    "Nemotron-4": Chat("nemotron4", ("<extra_id_1>", "<extra_id_0>")),
    "GPT-OSS": Chat("gpt_oss", ("<|end|>", "<|start|>", "<|message|>", "<|channel|>", "<|return|>")),
    "Zephyr": Chat("zephyr", ("</s>", "<s>"), tokenizer="always"),
    "Granite": Chat("granite", ("<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>")),
    "Command R": Chat(
        "command_r",
        (
            "<|END_OF_TURN_TOKEN|>",
            "<|START_OF_TURN_TOKEN|>",
            "<|USER_TOKEN|>",
            "<|CHATBOT_TOKEN|>",
            "<|SYSTEM_TOKEN|>",
            "<BOS_TOKEN>",
        ),
    ),
    "GLM-4": Chat("glm4", ("<|user|>", "<|assistant|>", "<|system|>", "<sop>", "[gMASK]")),
    "Alpaca": Chat("alpaca", ("</s>", "<s>")),
}
"""By the name in the table of the documentation."""
