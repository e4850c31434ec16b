import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_drive.emulator.state.content import Content, quick_xor_hash

# test vectors of rclone: backend/onedrive/quickxorhash/quickxorhash_test.go
VECTORS = {
    "": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "Sg==": "SgAAAAAAAAAAAAAAAQAAAAAAAAA=",
    "tbQ=": "taAFAAAAAAAAAAAAAgAAAAAAAAA=",
    "gQaybEqS/4UlDc8e4IJm": "gDCALNigBEn8oxAlZ8AzPAAOQZg=",
    "T6LYJIfDh81JrAK309H2JMJTXis=": "zBTHrspn3mEcohlJdIUAbjGNaNg=",
    "DWAAX5/CIfrmErgZa8ot6ZraeSbu": "LR2Z0PjuRYGKQB/mhQAuMrAGZbQ=",
    "Mb7EGva2rEE5fENDL85P+BsapHEEjv2/siVhKjvAQe02feExVOQSkfmuYzU/kTF1MaKjPmKF/w+cbvwfdWL8aQ==": (
        "n1anP5NfvD4XDYWIeRPW3ZkPv1Y="
    ),
    "PfxMcUd0vIW6VbHG/uj/Y0W6qEoKmyBD0nYebEKazKaKG+UaDqBEcmQjbfQeVnVLuodMoPp7P7TR1htX5n2VnkHh22xDyoJ8C/ZQ"
    "KiSNqQfXvh83judf4RVr9exJCud8Uvgip6aVZTaPrJHVjQhMCp/dEnGvqg0oN5OVkM2qqAXvA0teKUDhgNM71sDBVBCGXxNOR2bp"
    "bD1iM4dnuT0ey4L+loXEHTL0fqMeUcEi2asgImnlNakwenDzz0x57aBwyq3AspCFGB1ncX4yYCr/OaCcS5OKi/00WH+wNQU3": (
        "QX/YEpG0gDsmhEpCdWhsxDzsfVE="
    ),
}


@pytest.mark.parametrize(("data", "expected"), VECTORS.items())
def test_quick_xor_hash_equals_the_vectors_of_rclone(data, expected):
    assert quick_xor_hash(base64.b64decode(data)) == expected


@given(st.binary(max_size=400), st.integers(0, 400))
def test_virtual_zero_bytes_count_in_size_and_hash(data, zeros):
    content = Content(data, zeros)
    assert content.quick_xor_hash == quick_xor_hash(b"".join(content.blocks()))
    assert content.size == len(b"".join(content.blocks()))


def test_a_file_of_250_gib_takes_no_memory(legal):
    item = legal.put("backup.tar", size=250 << 30)
    assert item.size == 250 << 30
    assert item.hash == legal.put("again.tar", size=250 << 30).hash
