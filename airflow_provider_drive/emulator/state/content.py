"""What is in a file, and quickXorHash, by which Graph tells two contents apart."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BITS, _SHIFT = 160, 11
_BLOCK = 1 << 20


def quick_xor_hash(data: bytes, length: int | None = None) -> str:
    """
    Hash a content: https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash.

    Byte ``i`` is XORed in at bit ``11 * i`` of a 160-bit ring, so bytes 160 apart meet at the same bit; the
    length is XORed into the last eight bytes.

    :param length: The content's length, if zero bytes follow ``data``: they change nothing else.
    """
    columns = 0
    for start in range(0, len(data), _BITS):
        columns ^= int.from_bytes(data[start : start + _BITS], "little")
    ring = 0
    for index, byte in enumerate(columns.to_bytes(_BITS, "little")):
        ring ^= byte << (_SHIFT * index % _BITS)
    ring = (ring ^ (ring >> _BITS)) & ((1 << _BITS) - 1)
    ring ^= (len(data) if length is None else length) << (_BITS - 64)
    return base64.b64encode(ring.to_bytes(_BITS // 8, "little")).decode()


@dataclass(frozen=True)
class Content:
    """
    A file's bytes.

    :param zeros: So many zero bytes follow ``data``: a file of 100 GB which takes no memory.
    """

    data: bytes = b""
    zeros: int = 0

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.data) + self.zeros

    @cached_property
    def quick_xor_hash(self) -> str:
        """In base64, as Graph writes it."""
        return quick_xor_hash(self.data, self.size)

    def rewritten(self) -> Content:
        """Give what SharePoint makes of an Office file: https://github.com/OneDrive/onedrive-api-docs/issues/935."""
        return Content(self.data + b"<!-- rewritten -->", self.zeros)

    def blocks(self) -> Iterator[bytes]:
        """Give the bytes piece by piece."""
        yield self.data
        for start in range(0, self.zeros, _BLOCK):
            yield bytes(min(_BLOCK, self.zeros - start))
