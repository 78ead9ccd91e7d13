"""The families as PettingZoo modules, such as ``rao_gym.pettingzoo.long_context_v0``.

Each module has PettingZoo's usual names ``env``, ``raw_env`` and ``parallel_env``, with the family's id filled in. For
your own families, use `rao_gym.aec_env` and `rao_gym.parallel_env`, which take any registered id.
"""
