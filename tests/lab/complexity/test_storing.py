from __future__ import annotations

import io as bytes_io
import json
import pickle
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skops import io

from orchkit.errors import StoreError
from orchkit.lab.complexity import ComplexityClassifier, storing

pytestmark = pytest.mark.hostile
RAN: list[str] = []


def bomb(*_: Any) -> None:
    """Note that something planted was run."""
    RAN.append("ran")


class Bomb:
    """An object that runs something wherever it is built."""

    def __init__(self) -> None:
        self.armed = True

    def __reduce__(self) -> Any:
        return bomb, ()

    def __setstate__(self, state: Any) -> None:
        bomb()


@pytest.fixture
def saved(fitted: ComplexityClassifier, tmp_path: Path) -> Path:
    """Give a file as it is written."""
    fitted.save(tmp_path / "c.skops")
    return tmp_path / "c.skops"


def sealed(whole: bytes) -> bytes:
    """Return an archive with a seal that fits: an attacker can make one, too."""
    sink = bytes_io.BytesIO(whole)
    with zipfile.ZipFile(sink, "a") as archive:
        archive.comment = storing._BLANK
    blank = sink.getvalue()
    return blank[: -len(storing._BLANK)] + storing._digest(blank)


def packed(state: Any) -> bytes:
    """Return what skops makes of an object, sealed."""
    return sealed(io.dumps(state))


def entries(whole: bytes) -> dict[str, bytes]:
    """Return the entries of an archive."""
    with zipfile.ZipFile(bytes_io.BytesIO(whole)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(held: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return entries as a sealed archive."""
    sink = bytes_io.BytesIO()
    with zipfile.ZipFile(sink, "w", how) as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    return sealed(sink.getvalue())


def refused(path: Path, whole: bytes, said: str = "") -> None:
    """Make sure that a file is refused, and that nothing of it was run."""
    RAN.clear()
    path.write_bytes(whole)
    with pytest.raises(StoreError, match=f"no readable classifier.*{said}"):
        ComplexityClassifier.load(path)
    assert RAN == []


def test_the_bomb_goes_off_where_it_is_let() -> None:
    """What is planted would run, so that its silence means something."""
    RAN.clear()
    pickle.loads(pickle.dumps(Bomb()))  # noqa: S301 - that is the point
    name = f"{Bomb.__module__}.{Bomb.__qualname__}"
    whole = io.dumps({"b": Bomb()})
    assert name in io.get_untrusted_types(data=whole)
    assert RAN == ["ran"]


@pytest.mark.parametrize("how", [bytes, zlib.compress], ids=["pickle", "joblib"])
@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_is_known_by_its_content(
    saved: Path, how: Callable[[bytes], bytes], protocol: int
) -> None:
    """A pickle runs nothing, whatever the file is called."""
    refused(saved, how(pickle.dumps(Bomb(), protocol=protocol)), "pickle")


@pytest.mark.parametrize(
    "planted",
    [
        Bomb(),
        bomb,
        partial(bomb, 1),
        np.array([Bomb()], dtype=object),
        {"deep": [{"er": Bomb()}]},
        Path("/etc/passwd"),
        print,
        np.random.default_rng(0),
        (1, 2),
        {1, 2},
        np.add,
        bytes_io.BytesIO,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_file_builds_nothing_but_text_and_numbers(saved: Path, planted: Any) -> None:
    """Whatever else stands in a file with a right seal is refused before it is built."""
    refused(saved, packed({"version": storing.VERSION, "told": planted}), "")


def test_types_that_skops_trusts_are_refused_too(saved: Path, fitted: ComplexityClassifier) -> None:
    """An estimator of scikit-learn is no classifier of ours, though skops would build it."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    assert io.get_untrusted_types(data=io.dumps(model)) == []
    refused(saved, packed(model), "it would build sklearn")


@pytest.mark.parametrize("loader", ["ObjectNode", "ReduceNode", "PartialNode", "MethodNode", "?"])
@pytest.mark.parametrize("at", ["told", "coef", "key_types"])
def test_a_plan_that_was_rewritten_is_refused(saved: Path, loader: str, at: str) -> None:
    """A schema that names another loader, at any depth, builds nothing."""
    held = entries(saved.read_bytes())
    plan = json.loads(held["schema.json"])
    node = plan["key_types"] if at == "key_types" else plan["content"][at]
    node.update(__loader__=loader, __module__="os", __class__="system")
    held["schema.json"] = json.dumps(plan).encode()
    refused(saved, zipped(held), "it would build os.system")


def test_every_changed_byte_is_noticed(saved: Path) -> None:
    """A flip of any bit, anywhere in the file, is refused."""
    whole = saved.read_bytes()
    draw = np.random.default_rng(0)
    places = [*draw.integers(0, len(whole), 60), *range(len(whole) - 130, len(whole), 7)]
    for place in places:
        flipped = bytearray(whole)
        flipped[place] ^= 1 << int(draw.integers(8))
        refused(saved, bytes(flipped))


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_file_cut_short_is_refused(saved: Path, share: float) -> None:
    """Half a file is none."""
    whole = saved.read_bytes()
    refused(saved, whole[: int(share * len(whole))])


def test_a_small_file_stays_small_in_memory(saved: Path) -> None:
    """What unpacks to far more than its size is refused before it is unpacked."""
    held = entries(saved.read_bytes())
    with bytes_io.BytesIO() as sink:
        np.save(sink, np.zeros(12 * 2**20))
        name = next(name for name in held if name.endswith(".npy"))
        whole = zipped({**held, name: sink.getvalue()})
    saved.write_bytes(whole)
    tracemalloc.start()
    with pytest.raises(StoreError, match="unpacks to far more"):
        ComplexityClassifier.load(saved)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(whole) < 2**20
    assert peak < 2**23


def test_an_array_that_lies_about_its_size_is_refused(saved: Path) -> None:
    """A header that promises terabytes is an error and no allocation."""
    held = entries(saved.read_bytes())
    name = next(name for name in held if name.endswith(".npy"))
    head = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,"
    held[name] = (head + b"), }").ljust(127, b" ") + b"\n"
    refused(saved, zipped(held))


@pytest.mark.parametrize(
    "changed",
    [
        {"version": "orchkit.complexity.2"},
        {"version": None},
        {"coef": np.zeros((2, 3))},
        {"intercept": np.zeros((9, 3))},
        {"ranks": np.array([3, 2, 1, 0])},
        {"ranks": np.array([0, 1, 2, 9])},
        {"coef": np.full((1, 3), np.nan)},
        {"looks": np.zeros(3)},
        {"words": "one word"},
        {"told": "not json"},
        {"told": '{"params": {"C": -1}, "features": "text", "labels": 1}'},
        {"told": '{"params": {"tau": 7}, "features": "text", "labels": 1}'},
        {"told": '{"params": {"evil": 1}, "features": "text", "labels": 1}'},
        {"told": '{"params": {"encoder": 1}, "features": "text", "labels": 1}'},
    ],
    ids=lambda changed: str(changed)[:40],
)
def test_parts_that_do_not_fit_are_refused(saved: Path, changed: dict[str, Any]) -> None:
    """A file with a right seal whose parts are of another kind or do not fit is refused."""
    state = {**io.loads(saved.read_bytes(), trusted=[]), **changed}
    refused(saved, packed({key: value for key, value in state.items() if value is not None}))


@pytest.mark.parametrize("kind", ["gone", "folder", "empty", "text", "zip"])
def test_what_is_no_classifier_is_refused(tmp_path: Path, kind: str) -> None:
    """A missing file, a folder, nothing, a text and another archive are refused by their name."""
    path = tmp_path / "c.skops"
    made: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "empty": path.touch,
        "text": lambda: path.write_text("import os"),
        "zip": lambda: path.write_bytes(zipped({"a.txt": b"a"})),
    }
    made.get(kind, lambda: None)()
    with pytest.raises(StoreError, match=r"c\.skops is no readable classifier"):
        ComplexityClassifier.load(path)


def test_what_cannot_be_written_says_so(fitted: ComplexityClassifier, tmp_path: Path) -> None:
    """A path that cannot be written is an error of the store."""
    with pytest.raises(StoreError, match="cannot be written"):
        fitted.save(tmp_path / "no" / "c.skops")


def test_a_file_is_replaced_at_once(saved: Path, fitted: ComplexityClassifier) -> None:
    """Saving over a file leaves the whole new one, and nothing beside it."""
    fitted.save(saved)
    assert [path.name for path in saved.parent.iterdir() if path.suffix == ".skops"] == [saved.name]
    assert ComplexityClassifier.load(saved).predict(["a"]) == fitted.predict(["a"])
