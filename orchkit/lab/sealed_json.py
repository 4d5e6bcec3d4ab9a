"""A JSON file that says what it holds, by which schema, and carries a digest of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orchkit.core.calls import digest
from orchkit.errors import StoreError
from orchkit.lab.sealed import replace_file

#: A file larger than this is none of ours.
_LARGEST = 32 * 2**20


def write_json(path: str | Path, kind: str, schema: int, content: Any) -> None:
    """Write content, of JSON's own types and without NaN; StoreError where that is not possible."""
    try:
        sealed = {"orchkit": kind, "schema": schema, "digest": digest(content), "content": content}
        whole = json.dumps(sealed, indent=1, allow_nan=False) + "\n"
        replace_file(Path(path), whole.encode("utf-8"))
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"{path} cannot be written: {error}.") from None


def read_json(path: str | Path, kind: str, schema: int) -> Any:
    """Return the content of a file; StoreError when it is another, newer, or was changed."""
    try:
        if Path(path).stat().st_size > _LARGEST:
            raise ValueError("it is far too large")  # noqa: TRY301 - one way to tell of them all
        sealed = json.loads(Path(path).read_bytes())
        _check(sealed, kind, schema)
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path} is no readable {kind}: {error}.") from None
    return sealed["content"]


def _check(sealed: Any, kind: str, schema: int) -> None:
    if not isinstance(sealed, dict) or sealed.get("orchkit") != kind:
        raise ValueError(f"it says nowhere that it is a {kind}")
    if sealed.get("schema") != schema:
        raise ValueError(f"it is of schema {sealed.get('schema')}; this orchkit reads {schema}")
    if digest(sealed.get("content")) != sealed.get("digest"):
        raise ValueError("it changed since it was saved")
