"""Canary keys, and the search for them in every form a key may take on its way out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq

#: Keys that are nobody's, with characters that every escaping changes.
CANARIES = {
    "OPENAI_API_KEY": "oQ7+xV/2=canary'of\\openai&5510",
    "ANTHROPIC_API_KEY": "aK9/wR+4=canary'of\\anthropic&8823",
    "LOCAL_KEY": "lM3+zT/6=canary'of\\a-model&1947",
}
_PREFIX = 8


def forms(key: str) -> dict[str, bytes]:
    """Return what to look for: the key and its first characters, in all they may be written as."""
    short = key[:_PREFIX]
    found = {
        "raw": key,
        "prefix": short,
        "url": quote(short, safe=""),
        "url, slashes kept": quote(key),
        "repr": repr(key)[1:-1],
        "json": json.dumps(key)[1:-1],
        "hex": key.encode().hex(),
    }
    shifted = {f"base64 at {n}": _base64(key, n) for n in range(3)}
    return {name: text.encode() for name, text in {**found, **shifted}.items()}


def _base64(key: str, shift: int) -> str:
    """Return the part of the base64 that is the same whatever stands around the key."""
    whole = base64.b64encode(b"\0" * shift + key.encode()).decode()
    return whole[4 if shift else 0 :][:16]


def hits(told: bytes) -> list[str]:
    """Return which keys stand in what was told, and as what."""
    return [
        f"{variable} ({name})"
        for variable, key in CANARIES.items()
        for name, form in forms(key).items()
        if form in told
    ]


def scan(folder: Path) -> tuple[dict[str, list[str]], int]:
    """Return the files below a folder that hold a key, and how many bytes were looked at."""
    found, size = {}, 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        for told in _contents(path):
            size += len(told)
            if keys := hits(told):
                found[str(path.relative_to(folder))] = keys
    return found, size


def _contents(path: Path) -> Iterator[bytes]:
    """Yield what a file holds; of parquet, whose pages are compressed, the table as well."""
    yield path.read_bytes()
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        yield repr((table.to_pylist(), table.schema.metadata)).encode("utf-8", "replace")


def planted(folder: Path) -> Iterable[tuple[str, bool]]:
    """Yield each form of each key, and whether it is found where it was planted."""
    for variable, key in CANARIES.items():
        for name, form in forms(key).items():
            path = folder / "planted"
            path.write_bytes(b"around \x00 it" + form + b"\xff more")
            yield f"{variable} ({name})", bool(scan(folder)[0])
            path.unlink()
