"""The hash of a file, against hashes that others have computed, and against the emulator's."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol.conversation import recording

from airflow_provider_drive.emulator.state.content import quick_xor_hash
from airflow_provider_drive.protocol.wire.quick_xor_hash import _BLOCK, QuickXorHash

# test vectors of rclone: backend/onedrive/quickxorhash/quickxorhash_test.go
VECTORS = {
    "": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "Sg==": "SgAAAAAAAAAAAAAAAQAAAAAAAAA=",
    "tbQ=": "taAFAAAAAAAAAAAAAgAAAAAAAAA=",
    "gQaybEqS/4UlDc8e4IJm": "gDCALNigBEn8oxAlZ8AzPAAOQZg=",
    "T6LYJIfDh81JrAK309H2JMJTXis=": "zBTHrspn3mEcohlJdIUAbjGNaNg=",
    "Mb7EGva2rEE5fENDL85P+BsapHEEjv2/siVhKjvAQe02feExVOQSkfmuYzU/kTF1MaKjPmKF/w+cbvwfdWL8aQ==": (
        "n1anP5NfvD4XDYWIeRPW3ZkPv1Y="
    ),
    "PfxMcUd0vIW6VbHG/uj/Y0W6qEoKmyBD0nYebEKazKaKG+UaDqBEcmQjbfQeVnVLuodMoPp7P7TR1htX5n2VnkHh22xDyoJ8C/ZQ"
    "KiSNqQfXvh83judf4RVr9exJCud8Uvgip6aVZTaPrJHVjQhMCp/dEnGvqg0oN5OVkM2qqAXvA0teKUDhgNM71sDBVBCGXxNOR2bp"
    "bD1iM4dnuT0ey4L+loXEHTL0fqMeUcEi2asgImnlNakwenDzz0x57aBwyq3AspCFGB1ncX4yYCr/OaCcS5OKi/00WH+wNQU3": (
        "QX/YEpG0gDsmhEpCdWhsxDzsfVE="
    ),
}
SIZES = st.sampled_from([0, 1, 159, 160, 161, _BLOCK - 1, _BLOCK, _BLOCK + 1, 3 * _BLOCK + 77])


@pytest.mark.parametrize(("content", "expected"), VECTORS.items())
def test_the_hash_equals_those_that_rclone_has_of_the_service(content, expected):
    assert QuickXorHash(base64.b64decode(content)).value == expected


def test_the_hash_of_an_empty_file_is_the_recorded_one():
    file = recording("gnome-put-content-201")["body"]["file"]
    assert QuickXorHash().value == file["hashes"]["quickXorHash"]


@given(st.lists(SIZES, max_size=5), st.integers(0, 1 << 32))
def test_the_hash_of_pieces_of_any_size_is_that_of_the_whole(sizes, seed):
    chance = random.Random(seed)  # noqa: S311  # it is to be repeatable
    pieces = [chance.randbytes(size) for size in sizes]
    hashed = QuickXorHash()
    for piece in pieces:
        hashed.update(piece)

    whole = b"".join(pieces)
    assert (hashed.size, hashed.value) == (len(whole), quick_xor_hash(whole))


def test_the_hash_can_be_asked_for_before_the_end():
    hashed = QuickXorHash(b"abc")
    before = hashed.value
    hashed.update(memoryview(b"def"))

    assert (before, hashed.value) == (quick_xor_hash(b"abc"), quick_xor_hash(b"abcdef"))
