"""The family ``rao/Code-v0``: functions to write, judged by hidden tests."""

from rao_gym.tasks.code.family import Code

__all__ = ["Code"]
