"""What all requests to a server share."""

from __future__ import annotations

import os
from typing import Any

from rao_gym.policies.openai.settings import ServerOptions

_SAMPLING = (
    "temperature",
    "top_p",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "presence_penalty",
    "frequency_penalty",
)


def headers_of(options: ServerOptions) -> dict[str, str]:
    """Return the headers of every request, including the API key."""
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(options.api_key_env):
        headers["Authorization"] = f"Bearer {key}"
    if options.organization is not None:
        headers["OpenAI-Organization"] = options.organization
    return headers | dict(options.extra_headers)


def sampling_of(model: str, options: ServerOptions) -> dict[str, Any]:
    """Return the part of the body that all requests share."""
    given = {name: getattr(options, name) for name in _SAMPLING}
    return {"model": model, **{name: value for name, value in given.items() if value is not None}, **options.extra_body}
