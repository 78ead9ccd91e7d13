"""Causal language models of many architectures, tiny and with random weights.

Each entry names what differs from a plain transformer: a window that the tests' prompts leave behind, recurrent
layers, latent or indexed attention, experts, learned or no positions, scaled or capped logits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

VOCABULARY = 48

_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "max_position_embeddings": 128,
    "pad_token_id": None,
    "bos_token_id": None,
    "eos_token_id": None,
}
_GPT2: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 128,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": None,
}
_DECODER: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 128,
    "dropout": 0.0,
    "init_std": 0.3,
    "ffn_dim": 48,
}
_WINDOW: dict[str, Any] = {"sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"]}
_EXPERTS: dict[str, Any] = {"num_local_experts": 4, "num_experts_per_tok": 2}
_SMALL_EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_DELTA: dict[str, Any] = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_conv_kernel_dim": 4,
    "head_dim": 8,
}
_LATENT: dict[str, Any] = {
    "q_lora_rank": 16,
    "kv_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 16,
    "v_head_dim": 24,
    "num_key_value_heads": 4,
}
_ROUTED: dict[str, Any] = {
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "moe_intermediate_size": 16,
    "num_experts_per_tok": 2,
}
_MAMBA2: dict[str, Any] = {"mamba_n_heads": 4, "mamba_d_head": 16, "mamba_d_state": 8, "mamba_n_groups": 1}
_PER_LAYER: dict[str, Any] = {"vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 8}


@dataclass(frozen=True)
class Architecture:
    """How a tiny model is built.

    Attributes:
        family: What its classes' names begin with.
        options: What its configuration has beside the common options, or alone, if `alone`.
        config: What stands between the family and `Config` in the name of its configuration.
        head: What its model's name ends with.
        alone: Whether its configuration has other names for the common options.
    """

    family: str
    options: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    head: str = "ForCausalLM"
    alone: bool = False

    @property
    def model_name(self) -> str:
        """Name of its class in `transformers`."""
        return self.family + self.head

    def build(self, seed: int = 0, **changes: Any) -> PreTrainedModel:
        """Return a model with random weights, in evaluation mode."""
        config_class: Any = getattr(transformers, f"{self.family}{self.config}Config")
        model_class: Any = getattr(transformers, self.model_name)
        torch.manual_seed(seed)
        config = config_class(**(({} if self.alone else _COMMON) | self.options | changes))
        model: PreTrainedModel = model_class(config).eval()
        return model


ARCHITECTURES: dict[str, Architecture] = {
    "Llama": Architecture("Llama"),
    "Mistral, sliding window": Architecture("Mistral", {"sliding_window": 6}),
    "Mixtral": Architecture("Mixtral", _EXPERTS),
    "Qwen2": Architecture("Qwen2"),
    "Qwen2-MoE": Architecture("Qwen2Moe", _SMALL_EXPERTS | {"shared_expert_intermediate_size": 16}),
    "Qwen3": Architecture("Qwen3", {"head_dim": 8}),
    "Qwen3-MoE": Architecture("Qwen3Moe", _SMALL_EXPERTS | {"head_dim": 8}),
    "Qwen3-Next": Architecture("Qwen3Next", _DELTA | _SMALL_EXPERTS | {"shared_expert_intermediate_size": 16}),
    "Qwen3.5": Architecture("Qwen3_5", _DELTA, config="Text"),
    "Gemma": Architecture("Gemma", {"head_dim": 8}),
    "Gemma 2": Architecture("Gemma2", {"head_dim": 8, "sliding_window": 6, "query_pre_attn_scalar": 8}),
    "Gemma 3": Architecture("Gemma3", _WINDOW | {"head_dim": 8}, config="Text"),
    "Gemma 3n": Architecture(
        "Gemma3n",
        _PER_LAYER
        | {
            "head_dim": 8,
            "sliding_window": 6,
            "num_hidden_layers": 4,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "num_kv_shared_layers": 2,
            "laurel_rank": 4,
            "altup_num_inputs": 2,
            "activation_sparsity_pattern": None,
        },
        config="Text",
    ),
    "Gemma 4": Architecture(
        "Gemma4",
        _WINDOW | _PER_LAYER | {"head_dim": 8, "global_head_dim": 16, "num_kv_shared_layers": 0},
        config="Text",
    ),
    "Phi": Architecture("Phi"),
    "Phi-3": Architecture("Phi3"),
    "Phi-MoE": Architecture("Phimoe", {"num_local_experts": 4}),
    "DeepSeek V2": Architecture("DeepseekV2", _LATENT | _ROUTED | {"topk_method": "greedy"}),
    "DeepSeek V3": Architecture("DeepseekV3", _LATENT | _ROUTED),
    "DeepSeek V3.2": Architecture(
        "DeepseekV32", _LATENT | _ROUTED | {"index_n_heads": 2, "index_head_dim": 16, "index_topk": 64}
    ),
    "DeepSeek V4": Architecture("DeepseekV4"),
    "GPT-OSS": Architecture("GptOss", _WINDOW | _EXPERTS | {"head_dim": 8}),
    "GPT-2": Architecture("GPT2", _GPT2, head="LMHeadModel", alone=True),
    "GPT-NeoX": Architecture("GPTNeoX"),
    "GPT-J": Architecture("GPTJ", _GPT2 | {"rotary_dim": 4}, alone=True),
    "GPT-BigCode": Architecture("GPTBigCode", _GPT2, alone=True),
    "GPT-Neo": Architecture(
        "GPTNeo",
        {
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": 6,
            "max_position_embeddings": 128,
            "initializer_range": 0.3,
            "bos_token_id": None,
            "eos_token_id": None,
        },
        alone=True,
    ),
    "OPT": Architecture(
        "OPT",
        _DECODER | {"hidden_size": 32, "word_embed_proj_dim": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
        alone=True,
    ),
    "XGLM": Architecture("XGLM", _DECODER | {"d_model": 32, "num_layers": 2, "attention_heads": 4}, alone=True),
    "BLOOM": Architecture("Bloom", _GPT2 | {"hidden_size": 32}, alone=True),
    "MPT": Architecture(
        "Mpt",
        {
            "vocab_size": VOCABULARY,
            "d_model": 32,
            "n_layers": 2,
            "n_heads": 4,
            "expansion_ratio": 2,
            "max_seq_len": 128,
            "initializer_range": 0.3,
        },
        alone=True,
    ),
    "Falcon": Architecture("Falcon"),
    "Falcon, ALiBi": Architecture("Falcon", {"alibi": True}),
    "DBRX": Architecture(
        "Dbrx",
        {
            "vocab_size": VOCABULARY,
            "d_model": 32,
            "n_heads": 4,
            "n_layers": 2,
            "max_seq_len": 128,
            "initializer_range": 0.3,
            "ffn_config": {"ffn_hidden_size": 32, "moe_num_experts": 4, "moe_top_k": 2},
            "attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0},
        },
        alone=True,
    ),
    "StableLM": Architecture("StableLm"),
    "OLMo": Architecture("Olmo"),
    "OLMo 2": Architecture("Olmo2"),
    "OLMo 3": Architecture("Olmo3", _WINDOW),
    "OLMoE": Architecture("Olmoe", {"num_experts": 4, "num_experts_per_tok": 2}),
    "Cohere": Architecture("Cohere"),
    "Cohere 2": Architecture("Cohere2", _WINDOW),
    "Granite": Architecture(
        "Granite",
        {
            "logits_scaling": 3.0,
            "residual_multiplier": 0.5,
            "embedding_multiplier": 2.0,
            "attention_multiplier": 0.2,
        },
    ),
    "Granite-MoE": Architecture("GraniteMoe", _EXPERTS),
    "Granite-MoE hybrid": Architecture(
        "GraniteMoeHybrid",
        _MAMBA2 | _EXPERTS | {"layer_types": ["mamba", "attention"], "mamba_expand": 2, "shared_intermediate_size": 16},
    ),
    "StarCoder2": Architecture("Starcoder2"),
    "Nemotron": Architecture("Nemotron"),
    "Nemotron-H": Architecture(
        "NemotronH",
        {
            "layers_block_type": ["mamba", "attention"],
            "mamba_num_heads": 4,
            "mamba_head_dim": 16,
            "ssm_state_size": 8,
            "n_groups": 1,
            "head_dim": 8,
            "chunk_size": 8,
        },
    ),
    "GLM": Architecture("Glm", {"head_dim": 8}),
    "GLM-4": Architecture("Glm4", {"head_dim": 8}),
    "GLM-4-MoE": Architecture("Glm4Moe", _ROUTED | {"head_dim": 8}),
    "SmolLM3": Architecture("SmolLM3"),
    "EXAONE 4": Architecture("Exaone4", {"sliding_window": 6, "sliding_window_pattern": 2}),
    "ERNIE 4.5": Architecture("Ernie4_5", {"head_dim": 8}),
    "Hunyuan": Architecture("HunYuanDenseV1", {"head_dim": 8}),
    "Seed-OSS": Architecture("SeedOss", {"head_dim": 8}),
    "Helium": Architecture("Helium", {"head_dim": 8}),
    "Arcee": Architecture("Arcee"),
    "Apertus": Architecture("Apertus"),
    "NanoChat": Architecture("NanoChat"),
    "MiniCPM3": Architecture("MiniCPM3", _LATENT),
    "Llama 4, chunked": Architecture(
        "Llama4",
        {
            "attention_chunk_size": 6,
            "num_local_experts": 4,
            "intermediate_size_mlp": 48,
            "head_dim": 8,
            "interleave_moe_layer_step": 2,
            "no_rope_layers": [1, 0],
        },
        config="Text",
    ),
    "MiniMax": Architecture(
        "MiniMax",
        _EXPERTS | {"layer_types": ["linear_attention", "full_attention"], "block_size": 4, "head_dim": 8},
    ),
    "LFM2": Architecture("Lfm2", {"layer_types": ["conv", "full_attention"]}),
    "LFM2-MoE": Architecture(
        "Lfm2Moe", _SMALL_EXPERTS | {"layer_types": ["conv", "full_attention"], "num_dense_layers": 1}
    ),
    "Jamba": Architecture(
        "Jamba",
        {
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "expert_layer_period": 2,
            "expert_layer_offset": 1,
            "mamba_d_state": 8,
            "mamba_d_conv": 4,
            "mamba_dt_rank": 4,
            "use_mamba_kernels": False,
        },
    ),
    "Bamba": Architecture("Bamba", _MAMBA2 | {"attn_layer_indices": [1]}),
    "Falcon-H1": Architecture("FalconH1", _MAMBA2 | {"head_dim": 8, "mamba_d_ssm": 64, "mamba_expand": 2}),
    "Zamba2": Architecture(
        "Zamba2",
        {
            "layers_block_type": ["mamba", "hybrid"],
            "hybrid_layer_ids": [1],
            "num_mem_blocks": 1,
            "mamba_d_state": 8,
            "n_mamba_heads": 4,
            "mamba_ngroups": 1,
            "adapter_rank": 4,
        },
    ),
    "Kimi-Linear": Architecture(
        "KimiLinear",
        _LATENT
        | {
            "layer_types": ["linear_attention", "full_attention"],
            "linear_head_dim": 8,
            "linear_num_heads": 4,
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 16,
        },
    ),
    "RecurrentGemma": Architecture(
        "RecurrentGemma",
        {"block_types": ["recurrent", "attention"], "lru_width": 32, "attention_window_size": 6, "head_dim": 8},
    ),
    "Mamba": Architecture(
        "Mamba",
        {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
        alone=True,
    ),
    "Mamba 2": Architecture(
        "Mamba2",
        {
            "vocab_size": VOCABULARY,
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "state_size": 8,
            "num_heads": 4,
            "head_dim": 16,
            "n_groups": 1,
            "expand": 2,
        },
        alone=True,
    ),
    "RWKV": Architecture(
        "Rwkv",
        {"vocab_size": VOCABULARY, "hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32},
        alone=True,
    ),
    "BERT, both directions": Architecture("Bert", head="LMHeadModel"),
}
"""By the name in the table of the documentation."""
