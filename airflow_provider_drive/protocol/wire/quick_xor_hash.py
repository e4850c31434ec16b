"""
The hash that every drive has of its files, computed while they are read.

https://learn.microsoft.com/onedrive/developer/code-snippets/quickxorhash
"""

from __future__ import annotations

import base64

_COLUMNS = 160
"""Bytes that are this far apart start at the same bit of the ring."""
_BLOCK = _COLUMNS * 128
"""Bytes that are XORed as one number. A longer one does not fit into the processor's cache."""
_RING_BITS, _SHIFT, _LENGTH_BITS = 160, 11, 64


class QuickXorHash:
    """
    A quickXorHash, piece by piece.

    All blocks are XORed as large numbers, which Python does at the speed of memory. Only what is left at the
    end is folded into columns, and the columns into the ring.

    :ivar size: The number of bytes so far.
    """

    def __init__(self, content: bytes = b"") -> None:
        self.size = 0
        self._blocks = 0
        self.update(content)

    def update(self, content: bytes | memoryview) -> None:
        """Append bytes."""
        view = memoryview(content)
        start = -self.size % _BLOCK  # until the next block begins
        self._add(view[:start], self.size % _BLOCK)
        for position in range(start, len(view), _BLOCK):
            self._blocks ^= int.from_bytes(view[position : position + _BLOCK], "little")
        self.size += len(view)

    def _add(self, view: memoryview, offset: int) -> None:
        if view:
            self._blocks ^= int.from_bytes(view, "little") << 8 * offset

    @property
    def value(self) -> str:
        """The hash of the bytes so far, in base64, as Graph writes it."""
        ring = 0
        for index, column in enumerate(self._fold().to_bytes(_COLUMNS, "little")):
            ring ^= column << (_SHIFT * index % _RING_BITS)
        ring = (ring ^ ring >> _RING_BITS) & ((1 << _RING_BITS) - 1)
        ring ^= (self.size & ((1 << _LENGTH_BITS) - 1)) << (_RING_BITS - _LENGTH_BITS)
        return base64.b64encode(ring.to_bytes(_RING_BITS // 8, "little")).decode()

    def _fold(self) -> int:
        """XOR the columns of a block by halves."""
        folded, width = self._blocks, _BLOCK
        while width > _COLUMNS:
            width //= 2
            folded = (folded >> 8 * width) ^ (folded & ((1 << 8 * width) - 1))
        return folded
