"""Crafting in a world that agents share: ``rao/TextCraft-v0`` and ``rao/TextCraftSynth-v0``."""

from rao_gym.tasks.textcraft.family import TextCraft
from rao_gym.tasks.textcraft.policies import RecursivePolicy, SinglePolicy
from rao_gym.tasks.textcraft.synth import TextCraftSynth

__all__ = ["RecursivePolicy", "SinglePolicy", "TextCraft", "TextCraftSynth"]
