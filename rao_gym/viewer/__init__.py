"""The viewer: a tree as text, or trees as one self-contained HTML page."""

from rao_gym.viewer.html import write_page
from rao_gym.viewer.text import tree_as_text

__all__ = ["tree_as_text", "write_page"]
