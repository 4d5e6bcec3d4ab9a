from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchkit.core.calls import Call, Message, Params, Response
from orchkit.core.catalog import Catalog, Model, Rates, Tier
from orchkit.errors import MisuseError, UnknownModelError
from orchkit.runtime.asked import Asked

CHEAP = Model("cheap", "vendor", Tier.BASIC, (Rates(1, 2),), id="cheap-2026", logprobs=True)
TWIN = replace(CHEAP, name="twin", rates=(Rates(5, 6),))
BLANK = Model("blank", "vendor", Tier.BASIC)
CATALOG = Catalog({m.name: m for m in (CHEAP, TWIN, BLANK)}, ("cheap",), {"alias": "cheap"})


@dataclass(frozen=True)
class Named:
    """A provider of which only the name matters."""

    name: str = "vendor"

    async def complete(self, call: Call) -> Response:
        """Answer."""
        return Response(call.model, "ok")


def _asked(name: str, provider: str = "vendor", text: str = "Why?", **params: int) -> Asked:
    call = Call(name, (Message("user", text),), Params(**params))
    return Asked.of(call, CATALOG, lambda _: Named(provider))


@pytest.mark.parametrize(("provider", "name"), [("vendor", "cheap-2026"), ("stand-in", "cheap")])
def test_vendors_know_wire_names_and_stand_ins_catalog_names(provider: str, name: str) -> None:
    """Its own vendor is asked for a model by the vendor's name, anybody else by the catalog's."""
    assert _asked("cheap", provider).call.model == name


def test_an_alias_asks_the_model_itself() -> None:
    """Another spelling is the same request to the same model."""
    assert _asked("alias").key == _asked("cheap").key
    assert _asked("alias").model == CHEAP


def test_log_probabilities_are_asked_of_who_gives_them() -> None:
    """The model decides, not the caller."""
    assert _asked("cheap").call.params.logprobs
    assert not _asked("blank").call.params.logprobs


def test_one_wire_name_is_one_request() -> None:
    """Two catalog entries for one model of one vendor share what was bought, not its price."""
    assert _asked("cheap").key == _asked("twin").key
    assert _asked("cheap").bound != _asked("twin").bound


def test_an_unknown_price_has_no_bound() -> None:
    """Where nothing is known nothing is promised."""
    assert _asked("blank").bound is None


@given(st.text(), st.integers(1, 4096))
def test_the_bound_covers_every_tokenizer(text: str, limit: int) -> None:
    """A token for each byte and a full answer cost no more than the bound."""
    size = len(text.encode())
    assert (_asked("cheap", text=text, max_tokens=limit).bound or 0) >= 1000 * (size + 2 * limit)


def test_nobody_to_ask_is_misuse() -> None:
    """An unknown model, and a model that nobody serves, are told apart from failures."""
    with pytest.raises(UnknownModelError):
        _asked("nobody")

    def refuse(_: Model) -> Named:
        raise MisuseError("no key")

    with pytest.raises(MisuseError, match="no key"):
        Asked.of(Call("cheap", ()), CATALOG, refuse)
