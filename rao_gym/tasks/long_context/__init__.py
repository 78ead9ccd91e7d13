"""Questions about documents that are longer than the window."""

from rao_gym.tasks.long_context.family import LongContext

__all__ = ["LongContext"]
