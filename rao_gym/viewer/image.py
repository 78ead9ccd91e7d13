"""Text as an image, for those who record videos."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

_WIDTH_INCHES: Final = 9.6
_HEIGHT_INCHES: Final = 5.4
_DPI: Final = 100
_MAX_LINES: Final = 34
_MAX_CHARS: Final = 130


def text_as_image(text: str) -> NDArray[np.uint8]:
    """Draw the beginning of a text on white.

    Args:
        text: Any text; what does not fit is left out.

    Returns:
        [540, 960, 3] red, green and blue; always of this shape, as videos need it.
    """
    figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), dpi=_DPI)
    canvas = FigureCanvasAgg(figure)
    shown = "\n".join(line[:_MAX_CHARS] for line in text.splitlines()[:_MAX_LINES])
    figure.text(0.01, 0.98, shown, va="top", family="monospace", fontsize=8, parse_math=False)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8)[:, :, :3].copy()
