"""The content of files, and quickXorHash."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BITS, _SHIFT = 160, 11
_BLOCK = 1 << 20
_MAX_HASHED_ZEROS = 64 << 20


def quick_xor_hash(data: bytes, length: int | None = None) -> str:
    """
    Compute the quickXorHash: https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash.

    Byte ``i`` is XORed into a ring of 160 bits at bit ``11 * i``, so bytes 160 apart start at the same bit.
    The length is XORed into the last eight bytes.

    :param length: Length of the content, if zero bytes follow ``data``. They change only the length.
    :returns: The hash in base64.
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
    The bytes of a file.

    :param zeros: Number of zero bytes that follow ``data``. They take no memory, so a file can have 100 GB.
    """

    data: bytes = b""
    zeros: int = 0

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self.data) + self.zeros

    def piece(self, start: int, end: int) -> bytes:
        """Return some bytes."""
        data = self.data[start:end]
        return data + bytes(max(0, min(end, self.size) - start - len(data)))

    @cached_property
    def quick_xor_hash(self) -> str:
        """The quickXorHash in base64."""
        return quick_xor_hash(self.data, self.size)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """
        All hashes that the service computes: https://learn.microsoft.com/graph/api/resources/hashes.

        The SHA hashes are missing if the zero bytes that they would have to read are more than 64 MiB.
        """
        if self.zeros > _MAX_HASHED_ZEROS:
            return {"quickXorHash": self.quick_xor_hash}
        sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
        for block in self.blocks():
            sha1.update(block)
            sha256.update(block)
        hashes = {"sha1Hash": sha1.hexdigest().upper(), "sha256Hash": sha256.hexdigest().upper()}
        return {"quickXorHash": self.quick_xor_hash, **hashes}

    def rewritten(self, growth: int) -> Content:
        """
        Change the content as SharePoint does: https://github.com/OneDrive/onedrive-api-docs/issues/935.

        :param growth: Number of bytes that the service adds. At least one byte changes.
        """
        data = self.data or b" "
        changed = bytes([data[0] ^ 1]) + data[1:]
        return Content(changed + b" " * growth, self.zeros)

    def blocks(self) -> Iterator[bytes]:
        """Yield the content block by block."""
        yield self.data
        for start in range(0, self.zeros, _BLOCK):
            yield bytes(min(_BLOCK, self.zeros - start))
