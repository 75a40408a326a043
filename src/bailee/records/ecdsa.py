"""Who signed: the Ethereum account whose signature fits a digest, by the rules that the contracts have too."""

from __future__ import annotations

from bailee.errors import InputError, SignatureError

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Half the order of secp256k1. Of the two signatures that fit one message, the one with the lower s counts."""


def signer_of(digest: bytes, signature: bytes) -> str:
    """The address with check sum. SignatureError where the form is wrong or nobody's signature fits.

    digest: 32 bytes; signature: r, s and v (27 or 28), 65 bytes.
    """
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise SignatureError("expected an account's signature of 65 bytes that ends in 27 or 28")
    if int.from_bytes(signature[32:64], "big") > HALF_ORDER:
        raise SignatureError("the signature is the high twin of a right one, and only the low one counts")
    try:
        from eth_keys.datatypes import Signature
        from eth_keys.exceptions import BadSignature
        from eth_utils.exceptions import ValidationError
    except ImportError as error:
        raise InputError(
            f"an account's signature needs: pip install 'bailee[ledger]' ({error.name} is missing)"
        ) from None
    try:
        found = Signature(signature[:64] + bytes([signature[64] - 27])).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError):
        raise SignatureError("nobody's signature fits: the signed text or the signature was changed") from None
    return str(found.to_checksum_address())


def text_digest(text: str) -> bytes:
    """What an account signs of a text by EIP-191 (`personal_sign`)."""
    from eth_utils.crypto import keccak

    data = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(data), data))
