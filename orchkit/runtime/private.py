"""Folders and files for their owner alone, on a disk that keeps its promises."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from orchkit.errors import StoreError

#: Kinds of file system on which locks and syncs cannot be relied on.
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "fuse.s3fs")
FORCE = "ORCHKIT_ALLOW_NETWORK_DISK"
#: Milliseconds to wait for another process's lock: until it lets go, or not at all.
PATIENT, IMPATIENT = 30_000, 0
_MOUNTS = Path("/proc/self/mountinfo")


class Busy(StoreError):  # noqa: N818 - it may pass in a moment
    """Another process is writing; it may let go in a moment."""


def private_folder(folder: Path) -> None:
    """Make the folder for its owner alone; OSError when others own it, can write to it or link it.

    A folder on another machine's disk is refused, too: sqlite loses data there.
    """
    for path in (*reversed(folder.parents), folder):
        path.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if stat.S_ISLNK(status.st_mode):
        raise OSError("it is a symbolic link")
    _refuse_strangers(status)
    if (kind := disk(folder)) in REMOTE and not os.environ.get(FORCE):
        raise OSError(f"it lies on {kind}, where sqlite loses data (set {FORCE}=1 to use it)")


def private_file(path: Path) -> None:
    """Make the file for its owner alone; OSError when it is no plain file of this user."""
    if not path.exists() and not path.is_symlink():
        path.touch(mode=0o600)
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError("it is no plain file")
    _refuse_strangers(status)
    path.chmod(0o600)


def disk(folder: Path) -> str:
    """Return the kind of file system a folder lies on; empty where that is not told."""
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    found = [(point, kind) for point, kind in map(_mount, lines) if _under(folder, point)]
    return max(found, key=lambda mount: len(mount[0]))[1] if found else ""


def _mount(line: str) -> tuple[str, str]:
    """Return where a file system is mounted, and its kind."""
    before, _, after = line.partition(" - ")
    return before.split(" ")[4].replace("\\040", " "), after.split(" ")[0]


def _under(folder: Path, point: str) -> bool:
    return folder.resolve().is_relative_to(point)


def _refuse_strangers(status: os.stat_result) -> None:
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise OSError("it belongs to somebody else")
    if status.st_mode & 0o022:
        raise OSError("others can write to it (chmod go-w it)")
