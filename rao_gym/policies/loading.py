"""Load policies by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from inspect import signature
from typing import Any

from rao_gym.errors import InvalidValueError, MissingExtraError, nearest, unknown_name
from rao_gym.plugins import build_part
from rao_gym.policies.base import Policy, PolicyLike, as_policy
from rao_gym.policies.openai import TRANSPORT_OPTIONS, OpenAIPolicy, ServerOptions
from rao_gym.policies.random import RandomPolicy
from rao_gym.tasks.base import TaskFamily

ENTRY_POINTS = "rao_gym.policies"
"""Entry points through which other packages add policies: the prefix of a name -> ``factory(rest, **options)``."""

SCRIPTED = ("reference", "single")
"""Policies that every family has its own version of; all others can play any family."""

RANDOM = "random"

NAMES = ("reference", "single", "random", "openai:MODEL", "hf:PATH", "module:Class")
"""The forms of a policy's name."""

_EXTRAS = {"hf": "train"}


def load_policy(policy: str | PolicyLike, family: TaskFamily[Any], **options: Any) -> Policy:
    """Return a policy by name.

    Args:
        policy: A name in one of the forms of `NAMES`, a policy, or a function.
        family: The family that it will play.
        **options: The policy's own options: `ServerOptions` for ``openai``, ``seed`` for ``random``, the class's
            arguments for ``module:Class``.

    Raises:
        UnknownNameError: No policy has that name, or the policy has no such option.
        InvalidValueError: An option's value is out of range, or the class cannot be imported.
        MissingExtraError: The policy needs an extra that is not installed.
        PolicyError: The name or object is not that of a policy.
    """
    if not isinstance(policy, str):
        _check_options(policy_name(policy), options, ())
        return as_policy(policy)
    prefix, colon, rest = policy.partition(":")
    if not colon:
        return _plain(policy, family, options)
    if not rest:
        raise InvalidValueError(f"Policy {policy!r} needs a name after the colon. Valid: {', '.join(NAMES)}.")
    if prefix == "openai":
        _check_options(policy, options, signature(ServerOptions).parameters)
        return as_policy(OpenAIPolicy(rest, ServerOptions(**options)))
    registered = entry_points(group=ENTRY_POINTS)
    if prefix in registered.names or prefix in _EXTRAS:
        return _registered(prefix, rest, options)
    return _imported(policy, options)


def policy_name(policy: str | PolicyLike) -> str:
    """Return the policy's name in results."""
    if isinstance(policy, str):
        return policy
    named = policy if hasattr(policy, "__qualname__") else type(policy)
    return f"{named.__module__}:{named.__qualname__}"


def identifying_options(policy: str | PolicyLike, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that a policy's answers depend on: all but how its server is reached and billed."""
    is_server = isinstance(policy, str) and policy.startswith("openai:")
    return {name: value for name, value in options.items() if not (is_server and name in TRANSPORT_OPTIONS)}


def recorded_options(policy: str | PolicyLike, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that may be saved with results: all but a server's headers, which may hold secrets."""
    is_server = isinstance(policy, str) and policy.startswith("openai:")
    return {name: value for name, value in options.items() if not (is_server and name == "extra_headers")}


def _plain(name: str, family: TaskFamily[Any], options: Mapping[str, Any]) -> Policy:
    """Return a policy whose name has no colon."""
    if name == RANDOM:
        _check_options(name, options, signature(RandomPolicy).parameters)
        return RandomPolicy(**options)
    if name not in SCRIPTED:
        raise unknown_name("policy", name, NAMES)
    _check_options(name, options, ())
    return family.reference_policy() if name == "reference" else family.single_policy()


def _registered(prefix: str, rest: str, options: Mapping[str, Any]) -> Policy:
    """Return a policy that another package provides."""
    extra = _EXTRAS.get(prefix, prefix)
    found = list(entry_points(group=ENTRY_POINTS, name=prefix))
    if not found:
        raise MissingExtraError(f"Policy '{prefix}:{rest}' needs an extra: pip install 'rao-gym[{extra}]'.")
    try:
        factory = found[0].load()
        _check_options(prefix, options, list(signature(factory).parameters)[1:])
        return as_policy(factory(rest, **options))
    except ImportError as error:
        raise MissingExtraError(
            f"Policy '{prefix}:{rest}' needs an extra: pip install 'rao-gym[{extra}]' ({error})."
        ) from error


def _imported(path: str, options: Mapping[str, Any]) -> Policy:
    """Return a policy from the user's own module, which may be in the working directory."""
    try:
        return as_policy(build_part("policy", path, options))
    except InvalidValueError as error:
        misspelled = isinstance(error.__cause__, ModuleNotFoundError)
        if misspelled and nearest(path.partition(":")[0], (*SCRIPTED, "random", "openai", *_EXTRAS)):
            raise unknown_name("policy", path, NAMES) from None
        raise


def _check_options(policy: str, options: Mapping[str, Any], valid: Any) -> None:
    """Check that a policy has these options.

    Raises:
        UnknownNameError: It does not.
    """
    for name in options:
        if name not in valid:
            raise unknown_name(f"option of policy {policy}", name, list(valid))
