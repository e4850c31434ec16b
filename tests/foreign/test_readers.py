"""Any input is read or raises a DriveError: any bytes, any JSON, and modified recorded answers."""

import json
import string

import pytest
from foreign.seeds import SEEDS
from foreign.targets import TARGETS, read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WORDS = sorted(
    {word for seeds in SEEDS.values() for seed in seeds for word in seed.decode("latin-1").split('"')[1::2]}
)
KEYS = st.sampled_from(["__class__", "__proto__", "@odata.type", "", "\ud800", *WORDS]) | st.text(max_size=5)
NUMBERS = st.sampled_from(
    ["NaN", "-Infinity", "1e999", "-0", "0.1e-999", "9" * 400, "9" * 4_300, "9" * 5_000, "5", "-1", "1.5"]
)
TEXTS = st.sampled_from(
    [*WORDS, "\x00", "\ud800", "\udc00\ud800", "a\nb", "é", "\u202e", "..", "a/b", "9" * 30, "x" * 3_000]
)
SCALARS = NUMBERS | st.sampled_from(["null", "true", "false"]) | (TEXTS | st.text(max_size=8)).map(json.dumps)


def _written(inner):
    """Generate arrays and objects, in which a key may occur twice."""
    pairs = st.tuples(KEYS.map(json.dumps), inner).map(":".join)
    return st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]") | st.lists(
        pairs, max_size=5
    ).map(lambda parts: "{" + ",".join(parts) + "}")


JSON = st.recursive(SCALARS, _written, max_leaves=12)
DEEP = st.tuples(
    st.sampled_from(["[", '{"a":', '{"error":', '{"innerError":', '[{"value":']), st.integers(60, 99_999)
)


@st.composite
def spoilt(draw, seeds):
    """Replace parts of valid input with other bytes."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        places = [place for place, byte in enumerate(data) if chr(byte) in '{}[]",:\n'] or [0]
        start = draw(st.sampled_from(places))
        end = draw(st.sampled_from(places))
        put = draw(
            JSON.map(str.encode)
            | st.binary(max_size=4)
            | st.sampled_from([b"", b",", b"\n\n", b"\n\n\n"])
            | DEEP.map(lambda deep: deep[0].encode() * deep[1])
        )
        data = (
            data[:start] + put + data[max(start, end) :]
            if draw(st.booleans())
            else data[:start] + put + data[start:]
        )
    return data


@st.composite
def replaced(draw, seeds):
    """Replace whole values of valid JSON with other JSON."""
    data = draw(st.sampled_from(seeds)).decode("utf-8")
    values = [piece for piece in data.replace("}", ",").split(",") if ":" in piece] or [data]
    for _ in range(draw(st.integers(1, 3))):
        value = draw(st.sampled_from(values)).partition(":")[2]
        if value:
            data = data.replace(value, draw(JSON), 1)
    return data.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", TARGETS)
def test_valid_input_is_read(name):
    refusals = [read(TARGETS[name], seed) for seed in SEEDS[name]]
    assert None in refusals


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_is_read_or_raises_a_drive_error(name):
    seeds = SEEDS[name]

    @settings(suppress_health_check=list(HealthCheck))
    @given(
        st.binary()
        | st.text(alphabet=string.printable).map(str.encode)
        | JSON.map(str.encode)
        | JSON.map(lambda text: b"200\n\n" + text.encode())
        | spoilt(seeds)
        | replaced(seeds)
    )
    def check(data):
        read(TARGETS[name], data)

    check()
