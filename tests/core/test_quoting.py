import json

from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.quoting import BYTES_A_TOKEN, as_json, quoted, quoted_json

TEXTS = st.text(max_size=200) | st.text('\x00"\\<|>[]é\U0001f600', max_size=200)
LIMITS = st.integers(1, 30)
MARKERS = (
    "<|im_start|>",
    "<|endoftext|>",
    "[INST]",
    "[/INST]",
    "<<SYS>>",
    "</s>",
    "<start_of_turn>",
)


@given(TEXTS, LIMITS)
def test_a_quotation_is_bounded_by_the_tokens_of_an_answer(text: str, limit: int) -> None:
    """Neither way of quoting exceeds so many bytes a token, whatever an answer is written in."""
    assert len(quoted(text, limit).encode("utf-8", "replace")) <= BYTES_A_TOKEN * limit
    written = quoted_json(text, limit)
    assert len(written.encode("ascii")) <= BYTES_A_TOKEN * limit + 2


@given(TEXTS)
def test_what_fits_is_quoted_as_it_is(text: str) -> None:
    """An answer of an ordinary length is quoted to the letter, and JSON gives it back."""
    assert json.loads(quoted_json(text, 1_000)) == text
    assert json.loads(as_json({"a": text})) == {"a": text}


@given(TEXTS, LIMITS)
def test_a_cut_quotation_is_a_beginning(text: str, limit: int) -> None:
    """What does not fit is cut at the end, and is JSON even so."""
    assert text.startswith(json.loads(quoted_json(text, limit)))


@given(st.lists(st.sampled_from(MARKERS) | st.text(max_size=5), max_size=10).map("".join))
def test_a_quotation_is_one_line_without_markers(text: str) -> None:
    """No turn or role of a chat's template stands in a quotation, nor does a line end in it."""
    written = as_json(text)
    assert len(written.splitlines()) == 1
    assert written.isascii()
    assert not [marker for marker in MARKERS if marker in written]


def test_an_answer_of_ordinary_length_is_whole() -> None:
    """Cutting begins at eight bytes a token, twice what text takes."""
    assert quoted("words " * 20, 30) == "words " * 20
    assert quoted("x" * 17, 2) == "x" * 16
