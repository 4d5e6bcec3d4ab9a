"""What tells one request from another: every field of what goes out, and nothing else."""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchkit.core.calls import Call, Message, Params
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.wire import request_key

pytestmark = pytest.mark.cachekey

Vendor = OpenAI | Anthropic

VENDORS: dict[str, Vendor] = {
    "openai": OpenAI("https://api.openai.com/v1", "sk-canary"),
    "compatible": OpenAI("http://127.0.0.1:8000/v1", None),
    "anthropic": Anthropic("https://api.anthropic.com", "sk-canary"),
}
TALK = (
    Message("system", "Be brief."),
    Message("user", "Why?"),
    Message("assistant", "Because."),
    Message("user", "Who says so?"),
)
CALL = Call("some-model", TALK, Params(0.5, 100, 7, logprobs=True), draw=1)
#: Keys of this very call, as they were first made: another key would throw away every cache.
GOLDEN = {
    "openai": "7503620bcc068fe7713f5a077ad9a237b03a003052a5bfbda5e442d3f1bc89d4",
    "compatible": "d81acd6101f4c306ca71804f8739dc1cb9bb234b27dbdbb66fa9ab731e19afda",
    "anthropic": "2fc6490ce32ab7a0d1869953310f253862ccf7bf747c297583339bc6bb474558",
}
EVERY = pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
SCRIPT = """
from orchkit.core.calls import Call, Message, Params
from orchkit.runtime.providers.anthropic import Anthropic
from orchkit.runtime.providers.openai import OpenAI
from orchkit.runtime.wire import request_key
turns = [("system", "Be brief."), ("user", "Why?"), ("assistant", "Because."),
         ("user", "Who says so?")]
talk = tuple(Message(*turn) for turn in turns)
call = Call("some-model", talk, Params(0.5, 100, 7, logprobs=True), draw=1)
for vendor in (OpenAI("https://api.openai.com/v1", "another"),
               OpenAI("http://127.0.0.1:8000/v1", "another"),
               Anthropic("https://api.anthropic.com", "another")):
    print(request_key(vendor, call))
"""


class Sends:
    """A stand-in that describes whatever it is told to as what goes out."""

    def __init__(self, like: Vendor, request: dict[str, Any]) -> None:
        self.name, self._request = like.name, request

    def request(self, _: Call) -> dict[str, Any]:
        """Return the request it was given."""
        return self._request

    async def complete(self, call: Call) -> Any:
        """Answer nothing: a key is made without asking."""
        raise NotImplementedError


def _key(vendor: Vendor, request: dict[str, Any]) -> str:
    return request_key(Sends(vendor, request), CALL)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Give the path to every value in a request, those that hold others too."""
    yield path
    for name in _steps(value):
        yield from _places(value[name], (*path, name))


def _steps(value: Any) -> Any:
    """Return the names or the positions of what a value holds."""
    return value if isinstance(value, dict) else range(len(value) if isinstance(value, list) else 0)


def _mutants(value: Any) -> list[Any]:
    """Return values that are not this one, of its own type and of another."""
    if isinstance(value, bool):
        return [not value, int(value), None]
    if isinstance(value, str):
        return [value + " ", value.upper() + "x", "", None]
    if isinstance(value, int | float):
        return [value + 1, -value, str(value), None]
    if isinstance(value, dict):
        return [{**value, "new": 1}, *({k: value[k] for k in value if k != gone} for gone in value)]
    return [[*value, value[0]], value[:-1], value[::-1]]


def _put(request: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    """Return the request with another value at that place."""
    if not path:
        return value
    changed = copy.deepcopy(request)
    holder: Any = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


def _shuffled(value: Any) -> Any:
    """Return the same with every mapping written in the other order."""
    if isinstance(value, dict):
        return {name: _shuffled(value[name]) for name in reversed(value)}
    return [_shuffled(each) for each in value] if isinstance(value, list) else value


@EVERY
def test_the_key_is_made_of_what_goes_out(vendor: Vendor) -> None:
    """The key of a call is that of the request its provider describes."""
    assert request_key(vendor, CALL) == _key(vendor, vendor.request(CALL))


@EVERY
def test_every_field_that_goes_out_is_in_the_key(vendor: Vendor) -> None:
    """No value of the body or the address can change, come or go without changing the key."""
    request = vendor.request(CALL)
    changed = [
        _put(request, path, mutant)
        for path in _places(request)
        for mutant in _mutants(_at(request, path))
    ]
    keys = {_key(vendor, each) for each in (request, *changed)}
    distinct = {json.dumps(each, sort_keys=True) for each in (request, *changed)}
    assert len(changed) > 40
    assert len(keys) == len(distinct)
    assert _key(vendor, request) not in {_key(vendor, each) for each in changed}


def _at(request: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        request = request[step]
    return request


def _said(place: int, **changed: str) -> Callable[[Call], Call]:
    def change(call: Call) -> Call:
        talk = list(call.messages)
        talk[place] = replace(talk[place], **changed)
        return replace(call, messages=tuple(talk))

    return change


def _asked(**changed: Any) -> Callable[[Call], Call]:
    return lambda call: replace(call, params=replace(call.params, **changed))


CHANGES: dict[str, Callable[[Call], Call]] = {
    "model": lambda call: replace(call, model="other"),
    "draw": lambda call: replace(call, draw=2),
    "system": _said(0, content="Be long."),
    "prompt": _said(3, content="Who says so"),
    "white space": _said(3, content="Who says so? "),
    "case": _said(3, content="who says so?"),
    "role": _said(2, role="user"),
    "order": lambda call: replace(call, messages=(*TALK[:1], *TALK[3:], *TALK[1:3])),
    "fewer turns": lambda call: replace(call, messages=TALK[:2]),
    "no system": lambda call: replace(call, messages=TALK[1:]),
    "temperature": _asked(temperature=0.50001),
    "no temperature": _asked(temperature=None),
    "max_tokens": _asked(max_tokens=101),
}


@EVERY
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_question_has_another_key(vendor: Vendor, change: Callable[[Call], Call]) -> None:
    """Whatever is asked otherwise is another request."""
    assert request_key(vendor, change(CALL)) != request_key(vendor, CALL)


@pytest.mark.parametrize("change", [_asked(seed=8), _asked(seed=None), _asked(logprobs=False)])
@pytest.mark.parametrize("name", ["openai", "compatible"])
def test_what_only_one_vendor_takes_is_in_its_key(
    name: str, change: Callable[[Call], Call]
) -> None:
    """Seed and log-probabilities are sent to OpenAI's wire, and in its key."""
    assert request_key(VENDORS[name], change(CALL)) != request_key(VENDORS[name], CALL)


def test_what_is_not_sent_is_not_in_the_key() -> None:
    """Anthropic takes no seed: the same request goes out whatever it is."""
    vendor = VENDORS["anthropic"]
    assert request_key(vendor, _asked(seed=8)(CALL)) == request_key(vendor, CALL)


ADDRESSES = ["https://a.example/v1", "https://b.example/v1", "https://a.example/v2",
             "http://a.example/v1", "https://a.example:8443/v1"]  # fmt: skip


@pytest.mark.parametrize("vendor", [OpenAI, Anthropic])
def test_another_address_has_another_key(vendor: type[Vendor]) -> None:
    """Two servers may answer one call differently: host, port, scheme and path tell them apart."""
    keys = {request_key(vendor(address, None), CALL) for address in ADDRESSES}
    assert len(keys) == len(ADDRESSES)


def test_the_vendors_do_not_share_keys() -> None:
    """Two wires at one address are two endpoints."""
    keys = {
        request_key(vendor("http://127.0.0.1/v1", None), CALL) for vendor in (OpenAI, Anthropic)
    }
    assert len(keys) == 2


@EVERY
def test_the_order_of_fields_does_not_matter(vendor: Vendor) -> None:
    """One request written in another order is the same request."""
    request = vendor.request(CALL)
    assert list(_shuffled(request)["body"]) != list(request["body"])
    assert _key(vendor, _shuffled(request)) == _key(vendor, request)


@pytest.mark.parametrize("vendor", [OpenAI, Anthropic])
def test_the_api_key_is_not_in_the_key(vendor: type[Vendor]) -> None:
    """Whose money pays does not decide what is answered."""
    keys = {request_key(vendor("http://a", secret), CALL) for secret in ("one", "two", None)}
    assert len(keys) == 1


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_keys_are_the_same_in_every_process(elsewhere: Callable[..., str], seed: str) -> None:
    """Another process with another hash seed makes the very keys that are frozen here."""
    assert elsewhere(SCRIPT, PYTHONHASHSEED=seed).split() == list(GOLDEN.values())


@pytest.mark.parametrize("name", VENDORS)
def test_keys_are_frozen(name: str) -> None:
    """The key of this call was made once and for all."""
    assert request_key(VENDORS[name], CALL) == GOLDEN[name]


@EVERY
@pytest.mark.parametrize("text", ["caf\u00e9", "\u00c5ngstr\u00f6m", "\uac00"])
def test_composed_and_decomposed_text_are_two_questions(vendor: Vendor, text: str) -> None:
    """A model sees different tokens in NFC and NFD, so they are kept apart."""
    keys = {
        request_key(vendor, _said(3, content=unicodedata.normalize(form, text))(CALL))
        for form in ("NFC", "NFD")
    }
    assert len(keys) == 2


@settings(max_examples=50, deadline=None)
@given(st.text(), st.text())
def test_texts_have_one_key_each(one: str, other: str) -> None:
    """Two prompts share a key exactly when they are the same text, lone surrogates included."""
    for vendor in VENDORS.values():
        keys = [request_key(vendor, _said(3, content=text)(CALL)) for text in (one, other)]
        assert (keys[0] == keys[1]) == (one == other)


@EVERY
@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_what_json_cannot_say_has_no_key(vendor: Vendor, number: float) -> None:
    """A request that no wire could carry is refused rather than given somebody else's key."""
    with pytest.raises(ValueError, match="JSON"):
        _key(vendor, _put(vendor.request(CALL), ("body", "temperature"), number))
