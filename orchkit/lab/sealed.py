"""A parquet file sealed with the digest of all its bytes: one flipped bit, and it is refused.

Parquet has checksums of pages alone; a flip in the footer renames columns or moves them silently.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

import pyarrow as pa
import pyarrow.parquet as pq

_VERSION, _SEAL = b"orchkit.matrix", b"orchkit.digest"
#: Stands in the place of the digest, and is as long, while the digest is made.
_BLANK = b"(sha256 of this file with this text in the place of the digest.)"
#: What a file may unpack to: so many bytes, or so many times its size; read in so many rows.
_LARGEST, _RATIO, _STEP = 32 * 2**20, 200, 4096
BOMB = "it unpacks to far more than its size, as a file made to harm would"


def write_sealed(table: pa.Table, path: str | Path, version: bytes) -> None:
    """Write a table with its schema's version and the seal."""
    marks = {**(table.schema.metadata or {}), _VERSION: version, _SEAL: _BLANK}
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(marks), sink)
    whole = sink.getvalue().to_pybytes()
    if is_bomb(table.nbytes, len(whole)):
        raise ValueError(f"{BOMB}; save its distinct rows")
    before, _, after = whole.rpartition(_BLANK)
    replace_file(Path(path), before + _digest(whole) + after)


def replace_file(path: Path, whole: bytes) -> None:
    """Write a file at once: whatever happens, the old one or the new one is there, and whole."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as part:
        try:
            part.write(whole)
            part.flush()
            os.fsync(part.fileno())
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def read_sealed(path: str | Path, version: bytes) -> pa.Table:
    """Return the table of a file; ValueError when it is another, newer, or was changed."""
    whole = Path(path).read_bytes()
    _check(whole, pq.read_metadata(pa.BufferReader(whole)).metadata or {}, version)
    return unpacked(whole)


def unpacked(whole: bytes) -> pa.Table:
    """Return the table of a parquet file's bytes; ValueError when it is far larger than they."""
    file, batches, size = pq.ParquetFile(pa.BufferReader(whole)), [], 0
    for batch in file.iter_batches(_STEP):
        batches.append(batch)
        size += batch.nbytes
        if is_bomb(size, len(whole)):
            raise ValueError(BOMB)
    return pa.Table.from_batches(batches, file.schema_arrow)


def is_bomb(size: int, packed: int) -> bool:
    """Whether so many bytes are more than so many packed ones can honestly hold."""
    return size > max(_LARGEST, _RATIO * packed)


def _check(whole: bytes, marks: Mapping[bytes, bytes], version: bytes) -> None:
    if (found := marks.get(_VERSION)) != version:
        of = "no matrix" if found is None else f"of schema {found.decode('utf-8', 'replace')}"
        raise ValueError(f"it is {of}; this orchkit reads schema {version.decode()}")
    before, seal, after = whole.rpartition(marks.get(_SEAL) or _BLANK)
    if not seal or _digest(before + _BLANK + after) != seal:
        raise ValueError("it changed since it was saved")


def _digest(whole: bytes) -> bytes:
    return hashlib.sha256(whole).hexdigest().encode("ascii")
