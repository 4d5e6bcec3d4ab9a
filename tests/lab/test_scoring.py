import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchkit.errors import UnknownNameError
from orchkit.lab.scoring import (
    SCORERS,
    choice,
    contains,
    exact,
    numeric,
    scored,
    scorer,
    token_f1,
)

EVERYDAY = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "datasets" / "everyday.jsonl")
    .read_text("utf-8")
    .splitlines()
]
#: Texts with much of what scorers look at: digits, signs, letters that stand alone, markup.
TEXTS = st.text() | st.text("AB answeris-+.,0123456789eE$%\\{}()*:\n\u2212\u0663 ", max_size=30)
LETTERS = st.sampled_from("ABCDE")
WORDS = st.text("abcdefghij", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("Paris", "paris", True),
        ("  Paris.\n", "Paris", True),
        ("**Paris**", "Paris", True),
        ("`order_date`", "order_date", True),
        ('"Paris"!', "Paris", True),
        ("(Paris)", "Paris", True),
        ("New   York\ncity", "new york CITY", True),
        ("STRASSE", "straße", True),
        ("2024-08-31.", "2024-08-31", True),
        ("3-4-2-3-3", "3-4-2-3-3", True),
        ("It is Paris", "Paris", False),
        ("Paris, France", "Paris", False),
        ("-5", "5", False),
        ("3.4", "34", False),
        ("caf\u00e9", "cafe", False),
        ("", "Paris", False),
        ("...", "Paris", False),
        ("", "[]", False),
        ("?", "!", False),
        ("[]", "{}", False),
    ],
)
def test_exact(text: str, reference: str, right: bool) -> None:
    """Equal but for case, outer punctuation and white space."""
    assert exact(text, reference) == right


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("42", "42", True),
        ("3 x 14 = 42", "42", True),
        ("The answer is 42.", "42", True),
        ("**42**", "42", True),
        ("#### 42", "42", True),
        (r"\boxed{42}", "42", True),
        (r"$\boxed{1,234}$", "1234", True),
        (r"\[ x = 42 \]", "42", True),
        (r"$1{,}234$", "1234", True),
        (r"$1\,234$", "1234", True),
        ("1,234,567.50", "1234567.5", True),
        ("1234", "1,234", True),
        ("$42.00", "42", True),
        (r"\$42", "42", True),
        ("€42", "42", True),
        ("42 USD", "$42", True),
        ("42%", "42", True),
        (r"$42\%$", "42%", True),
        ("42 percent", "42%", True),
        ("-42", "-42", True),
        ("x=-42", "-42", True),
        ("-$42", "-42", True),
        ("$-42", "-42", True),
        ("\u221242", "-42", True),
        ("+42", "42", True),
        (".5", "0.5", True),
        ("4.2e1", "42", True),
        ("6.6E-34", "6.6e-34", True),
        ("between 5-10", "10", True),
        ("42 kg of CO2", "42", True),
        ("42 km2", "42", True),
        ("0.0183", "0.0183", True),
        ("0.3333333", "0.33333333", True),
        ("1000.0009", "1000", True),
        ("1000.0011", "1000", False),
        ("42", "-42", False),
        ("-42", "42", False),
        ("41", "42", False),
        ("42, no, 43", "42", False),
        ("0.018", "0.0183", False),
        ("9e-34", "6.6e-34", False),
        ("0", "0.0000004", False),
        ("5", "1e400", False),
        ("forty-two", "42", False),
        ("", "42", False),
        ("-", "42", False),
        ("42", "none", False),
        ("", "", False),
    ],
)
def test_numeric(text: str, reference: str, right: bool) -> None:
    """The last number decides, however it is written, to a relative 1e-6."""
    assert numeric(text, reference) == right


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_equals_itself_in_any_dress(value: float) -> None:
    """A number is found again in a sentence, in bold, in LaTeX and before a unit."""
    dressed = ("It is {}.", "**{}**", r"\boxed{{{}}}", "${}$", "{} %", "x = {}\n")
    assert all(numeric(dress.format(value), str(value)) for dress in dressed)


@given(st.integers(-(10**15), 10**15))
def test_thousands_separators_do_not_matter(value: int) -> None:
    """1,234 is 1234, on either side."""
    assert numeric(f"{value:,}", str(value)) == numeric(str(value), f"{value:,}") == 1


@given(st.integers(-(10**5), 10**5), st.integers(-(10**5), 10**5))
def test_whole_numbers_are_told_apart(said: int, wanted: int) -> None:
    """Two whole numbers are the same only when they are equal."""
    assert numeric(f"So it is {said}.", str(wanted)) == (said == wanted)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("B.", "B"),
        ("B) 7 x 8", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("B, because A is wrong", "B"),
        ("B\n\nA is too small.", "B"),
        ("The answer is B", "B"),
        ("The answer is (b).", "B"),
        ("The answer is **(B)**", "B"),
        ("the answer is $B$", "B"),
        (r"The answer is \boxed{B}", "B"),
        (r"\boxed{\text{B}}", "B"),
        ('Answer: "B"', "B"),
        ("ANSWER: B", "B"),
        ("Answer: B\n\nA) is too small", "B"),
        ("Option B", "B"),
        ("I would pick option (b).", "B"),
        ("My choice: B", "B"),
        ("A good answer is B", "B"),
        ("A good guess would be B", "B"),
        ("a triangle has three sides, so B", "B"),
        ("It is B, I think.", "B"),
        ("The answer is a bit subtle: B", "B"),
        ("The answer is not A but B", "B"),
        ("The correct answer is B. Option A is too small.", "B"),
        ("A and C are wrong, which leaves B.", "B"),
        ("First I thought the answer is A. But the answer is B.", "B"),
        ("I", "I"),
        ("", ""),
        ("no letter here", ""),
    ],
)
def test_choice(text: str, letter: str) -> None:
    """The letter the text settles on is right, and letters of its prose are not."""
    told = [each for each in "ABCDEI" if choice(text, each)]
    assert told == ([letter] if letter else [])


@given(LETTERS, st.sampled_from(["{}", "{})", "The answer is {}.", "**{}**", "answer: ({})"]))
def test_a_letter_equals_itself_in_any_dress(letter: str, dress: str) -> None:
    """Each letter is found, and is right for itself alone."""
    text = dress.format(letter)
    assert [each for each in "ABCDE" if choice(text, each)] == [letter]


@pytest.mark.parametrize("reference", ["B", "b", " B ", "(B)", "B."])
def test_a_reference_letter_may_be_dressed_too(reference: str) -> None:
    """A reference in brackets or in lower case is the same letter."""
    assert choice("The answer is B", reference)
    assert not choice("The answer is C", reference)


@pytest.mark.parametrize(
    ("text", "reference", "right"),
    [
        ("The capital is Paris.", "paris", True),
        ("new\n  york", "New York", True),
        ('```json\n{"a":1}\n```', '{"a":1}', True),
        ("Lyon", "Paris", False),
        ("Par is", "Paris", False),
        ("", "Paris", False),
    ],
)
def test_contains(text: str, reference: str, right: bool) -> None:
    """The reference occurs, whatever the case and the white space."""
    assert contains(text, reference) == right


@given(TEXTS, TEXTS, TEXTS)
def test_what_is_put_around_a_reference_does_not_hide_it(
    before: str, reference: str, after: str
) -> None:
    """A text that holds the reference between blanks contains it."""
    assert contains(f"{before} {reference} {after}", reference)


@pytest.mark.parametrize(
    ("text", "reference", "score"),
    [
        ("the quick brown fox", "a quick fox", 0.8),
        ("a broken conveyor belt", "broken conveyor belt!", 1.0),
        ("belt conveyor broken", "broken conveyor belt", 1.0),
        ("fox fox", "fox", 2 / 3),
        ("cat", "dog", 0.0),
        ("", "dog", 0.0),
        ("dog", "", 0.0),
    ],
)
def test_token_f1(text: str, reference: str, score: float) -> None:
    """Word precision and recall, articles and punctuation aside."""
    assert token_f1(text, reference) == pytest.approx(score)


@given(st.lists(WORDS), st.lists(WORDS))
def test_token_f1_is_the_harmonic_mean(said: list[str], wanted: list[str]) -> None:
    """2 x shared words / words of both, in whichever order the two are given."""
    assume((said or wanted) and "a" not in said + wanted)
    left = list(wanted)
    shared = sum(word in left and (left.remove(word) or True) for word in said)
    expected = 2 * shared / (len(said) + len(wanted))
    assert token_f1(" ".join(said), " ".join(wanted)) == pytest.approx(expected)
    assert token_f1(" ".join(wanted), " ".join(said)) == pytest.approx(expected)


@pytest.mark.parametrize("score", SCORERS.values(), ids=SCORERS.keys())
@given(TEXTS, TEXTS)
def test_a_score_lies_in_the_unit_interval(
    score: Callable[[str, str], float], text: str, reference: str
) -> None:
    """Whatever is scored against whatever, the score is a float in [0, 1]."""
    given = score(text, reference)
    assert type(given) is float
    assert 0 <= given <= 1


@pytest.mark.parametrize("score", [exact, contains, token_f1], ids=lambda s: s.__name__)
@given(TEXTS)
def test_a_text_is_right_for_itself(score: Callable[[str, str], float], text: str) -> None:
    """Any text answers itself."""
    assert score(text, text) == 1


@pytest.mark.parametrize("score", [exact, numeric, contains], ids=lambda s: s.__name__)
@pytest.mark.parametrize("blank", ["", " \n\t"])
@given(TEXTS.filter(lambda text: bool(text.strip())))
def test_silence_is_never_right(
    score: Callable[[str, str], float], blank: str, reference: str
) -> None:
    """A blank answer scores nothing against anything that was to be said."""
    assert score(blank, reference) == 0


@given(TEXTS, TEXTS)
def test_exact_does_not_care_which_is_which(one: str, other: str) -> None:
    """Equality is the same both ways."""
    assert exact(one, other) == exact(other, one)


@pytest.mark.parametrize("name", SCORERS)
def test_the_everyday_references_are_right_for_themselves(name: str) -> None:
    """Each reference that ships, put to its own scorer as an answer, is right."""
    own = [row["reference"] for row in EVERYDAY if row["scorer"] == name]
    assert own
    assert [reference for reference in own if scorer(name)(reference, reference) != 1] == []


@pytest.mark.parametrize("dress", ["{}", " {}\n", "**{}**", '"{}"', "{}."])
def test_the_everyday_references_are_right_in_any_dress(dress: str) -> None:
    """A right answer in bold, in quotes or with a full stop is still right."""
    wrong = [
        row["reference"]
        for row in EVERYDAY
        if scored(dress.format(row["reference"]), row["reference"], row["scorer"]) != 1
    ]
    assert wrong == []


@pytest.mark.parametrize("answer", ["", "I don't know.", "I cannot answer that.", "A"])
def test_a_refusal_is_not_right_for_what_ships(answer: str) -> None:
    """An evasion is right for no reference, and one letter only where a letter was asked for."""
    right = [
        row
        for row in EVERYDAY
        if scored(answer, row["reference"], row["scorer"]) == 1 and row["reference"] != answer
    ]
    assert right == []


def test_a_scorer_is_found_by_name_or_is_itself() -> None:
    """A name stands for its scorer, and a function for itself."""
    assert all(scorer(name) is function for name, function in SCORERS.items())
    assert scorer(math.copysign) is math.copysign


@pytest.mark.parametrize("name", ["exakt", "", 7, None, float("nan")])
def test_an_unknown_scorer_is_named_with_its_neighbours(name: Any) -> None:
    """A name nobody knows is refused, listing those that are known."""
    with pytest.raises(UnknownNameError, match=r"No scorer .* Known: 'choice', 'contains'"):
        scorer(name)


@pytest.mark.parametrize("missing", [None, float("nan"), 42])
def test_without_a_reference_there_is_no_score(missing: Any) -> None:
    """What has no reference in text is NaN, not wrong."""
    assert math.isnan(scored("42", missing, "numeric"))


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_without_an_answer_the_score_is_zero(missing: Any) -> None:
    """What has a reference but no answer is wrong."""
    assert scored(missing, "42", "numeric") == 0.0


def test_a_scorer_of_one_s_own_gives_a_float() -> None:
    """A function that says True counts as 1.0."""
    told = scored("a", "b", lambda text, reference: text < reference)
    assert (told, type(told)) == (1.0, float)
