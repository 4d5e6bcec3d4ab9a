from __future__ import annotations

import math

import pytest

from orchkit.lab.readers.verdicts import answer, verdict


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('```json\n{"reasoning": "so", "answer": "18"}\n```', "18"),
        ('{"reasoning": "so", "answer": 18}', "18"),
        ('{"reasoning": "so",\n "answer": 1.5,\n}', "1.5"),
        ('{"answer": "1"} no: {"answer": "2"}', "2"),
        ('{"answer": "21\'0\\""}', "21'0\""),
        ('{"answer": "a\nb"}', "a\nb"),
        ('{"answer": [1, 2]}', "[1, 2]"),
        ('{"answer": yes\n}', "yes"),
        ("The answer is 18.", None),
        ('{"reasoning": "answer"}', None),
        ("", None),
        (None, None),
        (3, None),
    ],
)
def test_the_last_answer_field_counts(text: object, told: str | None) -> None:
    """An answer is found in JSON, whole or broken; without the field there is none."""
    assert answer(text) == told


@pytest.mark.parametrize(
    ("said", "right", "letter", "told"),
    [
        ("18", "18", False, 1),
        ("$1,596.00", "1596", False, 1),
        ("2:00 pm", "2", False, 1),
        ("-5", "5", False, 0),
        ("none", "5", False, 0),
        (None, "5", False, 0),
        ("C", "C", True, 1),
        ("(C) Narcolepsy", "C", True, 1),
        ("D", "C", True, 0),
        (None, "C", True, 0),
        ("{'a': 1}", '{"a":1}', False, 1),
        ("'bcks'", "bcks", False, 1),
        ("True", "1 == 1", False, 0),
        ("True", "'True'", False, 1),
        ("[1, 2]", "[2, 1]", False, 0),
        ("\\frac{1}{2}", "\\frac12", False, math.nan),
        ("5", None, False, math.nan),
        ("5", "", False, math.nan),
    ],
)
def test_an_answer_is_right_or_wrong_or_cannot_be_told(
    said: str | None, right: str | None, letter: bool, told: float
) -> None:
    """Letters, numbers, literals and words are compared each in their way; formulas are not."""
    assert verdict(said, right, letter=letter) == pytest.approx(told, nan_ok=True)
