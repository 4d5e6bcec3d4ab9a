from decimal import Decimal

import pytest

from orchkit.testing.generation import (
    Generation,
    cost_nano,
    generate,
    input_tokens,
    pico_per_token,
    share,
    token_logprobs,
)


def test_same_model_and_prompt_give_the_same_text() -> None:
    """The text depends on model and prompt and on nothing else."""
    texts = {generate(m, p, [p], None, {}).text for m in "ab" for p in "xy" for _ in range(2)}
    assert len(texts) == 4


def test_given_answers_come_before_echo_and_digest() -> None:
    """A listed prompt gets its answer and the others are echoed if that was asked for."""
    answers: dict[str, str | bool] = {"2+2?": "4", "echo": True}
    assert generate("m", "2+2?", [], None, answers).text == "4"
    assert generate("m", "other", [], None, answers).text == "other"


@pytest.mark.parametrize(
    ("contents", "tokens"),
    [([""], 5), (["abcd"], 5), (["abcde"], 6), (["abc", "d"], 9), (["é"], 5), (["\ud800"], 5)],
)
def test_input_is_a_quarter_of_the_bytes_and_four_a_message(
    contents: list[str], tokens: int
) -> None:
    """Input tokens are counted in UTF-8 bytes, rounded up, plus four for each message."""
    assert input_tokens(contents) == tokens


@pytest.mark.parametrize("text", ["a" * 50, "é" * 50, "€" * 50, "a€" * 25, "\ud800" * 50])
@pytest.mark.parametrize("limit", [1, 2, 3, 12])
def test_a_cut_text_bills_exactly_the_limit(text: str, limit: int) -> None:
    """A text longer than the limit is cut between characters and billed as the limit."""
    cut = generate("m", text, [text], limit, {"echo": True})
    assert (cut.ending, cut.output_tokens) == ("length", limit)
    assert text.startswith(cut.text)
    assert 4 * limit - 3 <= len(cut.text.encode("utf-8", "surrogatepass")) <= 4 * limit


def test_an_empty_answer_bills_one_token() -> None:
    """Even an empty text costs one output token."""
    assert generate("m", "", [""], 1, {"echo": True}) == Generation("", "stop", 5, 1)


@pytest.mark.parametrize(
    ("usd", "pico"), [(0.15, 150_000), ("3.00", 3_000_000), (Decimal("0.000001"), 1), (0, 0)]
)
def test_prices_are_exact(usd: float | str | Decimal, pico: int) -> None:
    """A price becomes an integer of pico-dollars per token without rounding."""
    assert pico_per_token(usd) == pico


@pytest.mark.parametrize("usd", [-1, "0.0000001", float("nan"), float("inf"), "much"])
def test_impossible_prices_are_refused(usd: float | str) -> None:
    """A price that no integer can hold is a ValueError that names it."""
    with pytest.raises(ValueError, match="a price is a"):
        pico_per_token(usd)


def test_cost_is_rounded_up_to_a_nano_dollar() -> None:
    """The cost of a call is an integer of nano-dollars, rounded up."""
    assert cost_nano(Generation("", "stop", 1, 0), (1, 0)) == 1
    assert cost_nano(Generation("", "stop", 1000, 1), (150_000, 600_000)) == 150_600


def test_logprobs_spell_the_text_and_are_never_positive() -> None:
    """The tokens join to the text and each has a log-probability from -3 to 0."""
    pairs = list(token_logprobs("m", "p", "An answer of some length"))
    assert "".join(token for token, _ in pairs) == "An answer of some length"
    assert all(-3 <= logprob <= 0 for _, logprob in pairs)


def test_shares_are_uniform() -> None:
    """Seeded draws have the mean and the range of a uniform distribution."""
    draws = [share("0", str(seq)) for seq in range(4000)]
    assert 0 <= min(draws) < 0.01
    assert 0.99 < max(draws) < 1
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=0.02)
