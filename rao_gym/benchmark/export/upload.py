"""Upload an export to the Hub."""

from __future__ import annotations

from pathlib import Path

from rao_gym.errors import MissingExtraError, ServerError


def upload(folder: Path, repository: str, *, kind: str) -> str:
    """Upload a folder to a repository that exists, and return its URL.

    Args:
        folder: The folder.
        repository: ``owner/name``.
        kind: ``dataset`` or ``model``.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        ServerError: The Hub refused it or could not be reached.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingExtraError(f"Uploading needs an extra: pip install 'rao-gym[train]' ({error}).") from error
    try:
        return str(HfApi().upload_folder(repo_id=repository, folder_path=folder, repo_type=kind))
    except Exception as error:  # the Hub's client raises errors of several libraries
        raise ServerError(
            f"Could not upload {folder} to {repository!r}: {' '.join(str(error).split())[:300]}"
        ) from error
