import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.errors import StoreError
from orchkit.lab.sealed_json import read_json, write_json

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"]))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(plain)
def test_what_is_written_is_read(tmp_path_factory: Any, content: Any) -> None:
    """Any content of JSON's own types comes back as it was, floats to the last bit."""
    path = tmp_path_factory.mktemp("json") / "x.json"
    write_json(path, "thing", 3, content)
    assert read_json(path, "thing", 3) == content


@pytest.mark.parametrize("content", [math.nan, {"a": math.inf}, {1, 2}, b"x"])
def test_what_json_has_no_word_for_is_refused(tmp_path: Path, content: Any) -> None:
    """Nothing is written that could not be read, and no half of a file is left."""
    with pytest.raises(StoreError, match="cannot be written"):
        write_json(tmp_path / "x.json", "thing", 1, content)
    assert list(tmp_path.iterdir()) == []


def test_each_byte_counts(tmp_path: Path) -> None:
    """A digit changed anywhere in the content is noticed."""
    path = tmp_path / "x.json"
    write_json(path, "thing", 1, {"slope": 0.25, "n": [1, 2]})
    whole = path.read_text("utf-8")
    start = whole.index("content")
    for place, sign in enumerate(whole):
        if place > start and sign.isdigit():
            path.write_text(f"{whole[:place]}{9 - int(sign)}{whole[place + 1 :]}", "utf-8")
            with pytest.raises(StoreError, match="changed since it was saved"):
                read_json(path, "thing", 1)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    """A file far larger than any of ours is refused by its size."""
    with (tmp_path / "x.json").open("wb") as file:
        file.truncate(40 * 2**20)
    with pytest.raises(StoreError, match="too large"):
        read_json(tmp_path / "x.json", "thing", 1)
