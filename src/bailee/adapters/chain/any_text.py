"""Strings as contracts have them: any bytes. What is no UTF-8 is written out (`\\xff`).

Nothing on a chain checks that a string is text, and web3.py fails on one that is not: a single registration with such a
link would keep every reader of a ledger's events from all others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eth_abi.codec import ABICodec


def any_text() -> ABICodec:
    """web3.py's codec, reading strings in this way."""
    from eth_abi.codec import ABICodec
    from eth_abi.decoding import StringDecoder
    from eth_abi.registry import BaseEquals
    from web3._utils.abi import build_strict_registry

    class AnyText(StringDecoder):
        def __init__(self) -> None:
            super().__init__(handle_string_errors="backslashreplace")  # type: ignore[no-untyped-call]

    registry = build_strict_registry()
    registry.unregister_decoder("string")
    registry.register_decoder(BaseEquals("string"), AnyText, label="string")  # type: ignore[no-untyped-call]
    return ABICodec(registry)
