"""One vendor a file; none imports another. A vendor's SDK is loaded when it is first asked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from urllib.parse import urlsplit

from orchkit.errors import ParameterError
from orchkit.runtime.wire import Provider

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Vendor:
    """Where a vendor's class is, which variables it reads, and where it is served."""

    path: str
    key_variable: str
    url_variable: str
    url: str

    def key(self) -> str | None:
        """Return the key from the environment; None when there is none."""
        return (os.environ.get(self.key_variable) or "").strip() or None

    def address(self) -> str:
        """Return the address from the environment, or the vendor's own."""
        return os.environ.get(self.url_variable) or self.url

    def open(self, base_url: str | None = None, key_variable: str | None = None) -> Provider:
        """Return a provider at `base_url` with the key from the environment.

        The vendor's own key is only ever sent to the vendor's address or the one its variable
        names; a model with an address of its own names the variable of its own key, if any.
        """
        variable = key_variable if base_url else self.key_variable
        address = base_url or self.address()
        _refuse_open_wire(address, keyed=bool(variable and os.environ.get(variable)))
        module, name = self.path.split(":")
        # The key is in no local variable: a traceback may show those.
        opened: Provider = getattr(import_module(module), name)(
            address,
            ((os.environ.get(variable) or "").strip() or None) if variable else None,
            plain=base_url is not None,
        )
        return opened


def _refuse_open_wire(address: str, *, keyed: bool) -> None:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ParameterError(
            f"{address!r} is no address. Use https://…, or http:// on this machine."
        )
    if keyed and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise ParameterError(
            f"{parts.scheme}://{parts.hostname} would carry your key in the open. Use https, or a "
            "server on this machine."
        )


VENDORS: Mapping[str, Vendor] = MappingProxyType(
    {
        "openai": Vendor(
            "orchkit.runtime.providers.openai:OpenAI",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "https://api.openai.com/v1",
        ),
        "anthropic": Vendor(
            "orchkit.runtime.providers.anthropic:Anthropic",
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "https://api.anthropic.com",
        ),
    }
)
