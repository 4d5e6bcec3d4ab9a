from __future__ import annotations

from typing import Any

import pytest

from orchkit.errors import ParameterError
from orchkit.runtime.providers import VENDORS

KEY = "sk-canary-1f3b7a"
OWN = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}

vendors = pytest.mark.parametrize("name", VENDORS)


@pytest.fixture
def keyed(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Put the vendor's key into the environment."""
    monkeypatch.setenv(f"{name.upper()}_API_KEY", KEY)
    return KEY


def _key(provider: Any) -> str | None:
    key: str | None = provider._key
    return key


@vendors
def test_a_vendor_opens_at_its_own_address(name: str, keyed: str) -> None:
    """Without another word it is the vendor's public address, with the vendor's key."""
    provider: Any = VENDORS[name].open()
    assert (provider.name, provider.address, _key(provider)) == (name, OWN[name], keyed)


@vendors
def test_the_environment_names_another_address(
    name: str, keyed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`*_BASE_URL` is honoured, and gets the vendor's key."""
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", "https://gateway.example/v1/")
    provider: Any = VENDORS[name].open()
    assert (provider.address, _key(provider)) == ("https://gateway.example/v1", keyed)


@vendors
@pytest.mark.parametrize("url", ["https://own.example/v1", "http://127.0.0.1:8000/v1"])
def test_a_model_at_an_address_of_its_own_never_gets_the_vendors_key(
    name: str, keyed: str, url: str
) -> None:
    """It gets the key that it names, or none."""
    assert _key(VENDORS[name].open(url)) is None


@vendors
def test_a_model_at_an_address_of_its_own_gets_its_own_key(
    name: str, keyed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that the model names is the one that is read."""
    monkeypatch.setenv("MY_KEY", "sk-mine")
    assert _key(VENDORS[name].open("https://own.example/v1", "MY_KEY")) == "sk-mine"
    assert _key(VENDORS[name].open("https://own.example/v1", "NOT_SET")) is None


@vendors
@pytest.mark.parametrize(
    "url",
    [
        "http://gateway.example/v1",
        "http://10.0.0.1/v1",
        "http://127.0.0.1.evil.example/v1",
        "http://localhost@evil.example/v1",
        "ftp://gateway.example",
        "gateway.example/v1",
    ],
)
def test_no_key_goes_over_an_open_wire(
    name: str, keyed: str, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """A key is sent encrypted or stays on this machine; the refusal does not repeat it."""
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", url)
    with pytest.raises(ParameterError, match="https") as caught:
        VENDORS[name].open()
    assert keyed not in str(caught.value)


@vendors
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_a_key_may_go_to_this_machine(
    name: str, keyed: str, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """A server on the loopback needs no encryption."""
    monkeypatch.setenv(f"{name.upper()}_BASE_URL", f"http://{host}:8000")
    assert _key(VENDORS[name].open()) == keyed


@vendors
def test_without_a_key_an_open_wire_is_allowed(name: str) -> None:
    """A server in the local network that wants no key may be asked in the open."""
    assert _key(VENDORS[name].open("http://10.0.0.1:8000/v1")) is None


@vendors
def test_an_empty_key_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set to nothing is not set."""
    monkeypatch.setenv(f"{name.upper()}_API_KEY", "")
    assert VENDORS[name].key() is None
