"""How fast the quickXorHash of a file is computed: ``python benchmarks/quick_xor_hash.py``."""

from __future__ import annotations

import os
import time

from airflow_provider_drive.protocol.wire.quick_xor_hash import QuickXorHash

PIECE = 1 << 20
PIECES = 512


def measure():
    """Return bytes per second of CPU time, the best of five."""
    piece, best = os.urandom(PIECE), 0.0
    for _ in range(5):
        started, hashed = time.process_time(), QuickXorHash()
        for _ in range(PIECES):
            hashed.update(piece)
        assert hashed.value
        best = max(best, hashed.size / (time.process_time() - started))
    return best


if __name__ == "__main__":
    print(f"quickXorHash: {measure() / 1e6:.0f} MB/s in pieces of {PIECE >> 10} KiB")
