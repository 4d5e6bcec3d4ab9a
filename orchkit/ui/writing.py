"""Files that are written whole or not at all, and known to be writable before anything is paid."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class ResultFile:
    """A file that holds the old text or the new, never a part: written beside it and renamed.

    Whether it can be written shows before anything is paid. What is no regular file (a pipe,
    ``/dev/stdout``) is written as it stands; of a link, the file it leads to.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.realpath(path))
        self._plain = self._path.is_file() or not self._path.exists()
        self._beside = self._path.with_name(f".orchkit-{secrets.token_hex(8)}.part")
        if self._plain:
            refuse_unwritable(self._path)
            refuse_unwritable(self._beside)

    def write(self, text: str) -> None:
        """Put the text in the file's place."""
        if not self._plain:
            self._path.write_text(text, "utf-8")
            return
        try:
            self._write_beside(text)
            self._beside.replace(self._path)
        finally:
            self._beside.unlink(missing_ok=True)

    def _write_beside(self, text: str) -> None:
        with self._beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if self._path.exists():
            shutil.copymode(self._path, self._beside)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have an OSError say which file it was: a full disk does not."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def refuse_unwritable(path: Path) -> None:
    """Raise the OSError that writing this file would raise, and leave no trace of it."""
    fresh = not path.exists()
    path.open("ab").close()
    if fresh:
        path.unlink()
