from typing import Any

import pytest

from orchkit.testing.asks import understand

GOOD: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TWO = ("max_tokens", "max_completion_tokens")


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ({**GOOD, "model": 3}, "model"),
        ({**GOOD, "messages": []}, "messages"),
        ({**GOOD, "messages": ["hi"]}, "messages"),
        ({**GOOD, "messages": [{"role": "user"}]}, "messages"),
        ({**GOOD, "max_tokens": 0}, "max_tokens"),
        ({**GOOD, "max_tokens": True}, "max_tokens"),
        ({**GOOD, "max_completion_tokens": "9"}, "max_tokens"),
        ({**GOOD, "stream": True}, "stream"),
        ({**GOOD, "n": 2}, "n must be 1"),
    ],
)
def test_malformed_bodies_are_named(body: object, names: str) -> None:
    """Each malformed body is refused with a sentence about what is wrong."""
    problem = understand(body, TWO).problem
    assert problem is not None
    assert names in problem


def test_a_limit_may_be_required() -> None:
    """A vendor that requires max_tokens refuses a body without."""
    assert understand(GOOD, TWO).problem is None
    assert understand(GOOD, ("max_tokens",), required=True).problem is not None


def test_the_lowest_limit_holds() -> None:
    """Of two limits the lower one counts, and null is none."""
    assert understand({**GOOD, "max_tokens": 9, "max_completion_tokens": 5}, TWO).limit == 5
    assert understand({**GOOD, "max_tokens": None}, TWO).limit is None


def test_every_content_is_read_and_the_last_user_message_is_the_prompt() -> None:
    """System, parts and turns are all billed and the prompt is what the user said last."""
    messages = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": [{"type": "text", "text": "se"}, {"text": "cond"}, {}]},
        {"role": "assistant", "content": "Well,"},
    ]
    ask = understand({"model": "m", "system": "Be brief.", "messages": messages}, TWO)
    assert ask.contents == ("Be brief.", "first", "", "second", "Well,")
    assert ask.prompt == "second"
