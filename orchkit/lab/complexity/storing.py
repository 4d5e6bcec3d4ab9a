"""A fitted classifier as a .skops file that holds numbers and words, and nothing that runs.

skops would build any type it trusts by default. Nothing here needs one: what is written is a
dict of text and arrays, and a file whose plan names anything else is refused before it is built.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np

from orchkit.errors import StoreError
from orchkit.lab.sealed import BOMB, is_bomb, replace_file

T = TypeVar("T")
VERSION = "orchkit.complexity.1"
#: Bytes of a file at most; of what is larger nothing is read.
LARGEST = 256 * 2**20
_BLANK = b"(sha256 of this file with this text in the place of the digest.)"
#: What skops may build: its node, of that type.
_BUILT = {
    ("DictNode", "builtins.dict"),
    ("ListNode", "builtins.list"),
    ("JsonNode", "builtins.str"),
    ("TypeNode", "builtins.str"),
    ("NdArrayNode", "numpy.ndarray"),
}
_SIGNS: Mapping[bytes, str] = {
    b"\x80": "it is a pickle, which could run anything",
    b"\x1f\x8b": "it is gzip, as joblib writes pickles",
    b"x": "it is zlib, as joblib writes pickles",
}


def write(state: Mapping[str, Any], path: str | Path) -> None:
    """Write texts and arrays; StoreError where the path cannot be written."""
    from skops import io

    told = {"version": VERSION, **state}
    sink = BytesIO(io.dumps(told, compression=ZIP_DEFLATED))
    with ZipFile(sink, "a") as archive:
        archive.comment = _BLANK
    whole = sink.getvalue()
    try:
        replace_file(Path(path), whole[: -len(_BLANK)] + _digest(whole))
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}.") from None


def read(path: str | Path, restored: Callable[[Mapping[str, Any]], T]) -> T:
    """Return what `restored` makes of a file's texts and arrays.

    StoreError when the file is another, changed, or hostile, or `restored` cannot use it.
    """
    try:
        whole = _bytes(Path(path))
        _check(whole)
        return restored(_built(whole))
    except Exception as error:  # noqa: BLE001 - whatever a planted file breaks on its way
        said = str(error) or type(error).__name__
        raise StoreError(f"{path} is no readable classifier: {said:.200}.") from None


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"it is larger than {LARGEST // 2**20} MB")
    return path.read_bytes()


def _check(whole: bytes) -> None:
    """Refuse what is no sealed archive, was changed, or unpacks to far more than its size."""
    told = next((why for sign, why in _SIGNS.items() if whole.startswith(sign)), None)
    if told or not whole.startswith(b"PK\x03\x04"):
        raise ValueError(told or "it is no .skops file")
    before, seal = whole[: -len(_BLANK)], whole[-len(_BLANK) :]
    if _digest(before + _BLANK) != seal:
        raise ValueError("it was changed since it was saved, or saved by something else")
    with ZipFile(BytesIO(whole)) as archive:
        if is_bomb(sum(entry.file_size for entry in archive.infolist()), len(whole)):
            raise ValueError(BOMB)
        _refuse_types(json.loads(archive.read("schema.json")))


def _refuse_types(node: Any) -> None:
    """Refuse a plan that builds more than texts and arrays."""
    for each in node if isinstance(node, list) else [node]:
        if not isinstance(each, dict) or _named(each) not in _BUILT:
            told = ".".join(_named(each)[1:]) if isinstance(each, dict) else repr(each)
            raise ValueError(f"it would build {told:.80}, which is neither text nor numbers")
        if each["__loader__"] == "NdArrayNode" and each.get("type") != "numpy":
            raise ValueError("it would build an array of objects")
        if each["__loader__"] == "DictNode":
            _refuse_types([each["key_types"], *each["content"].values()])
        if each["__loader__"] == "ListNode":
            _refuse_types(each["content"])


def _named(node: Mapping[str, Any]) -> tuple[str, str]:
    return str(node.get("__loader__")), f"{node.get('__module__')}.{node.get('__class__')}"


def _built(whole: bytes) -> dict[str, Any]:
    from skops import io

    state = io.loads(whole, trusted=[])
    if state.pop("version", None) != VERSION:
        raise ValueError(f"it is not of the kind {VERSION} that this orchkit reads")
    for name, value in state.items():
        if isinstance(value, np.ndarray) and not np.isfinite(value).all():
            raise ValueError(f"{name} holds what is no number")
    return dict(state)


def _digest(whole: bytes) -> bytes:
    return hashlib.sha256(whole).hexdigest().encode("ascii")
