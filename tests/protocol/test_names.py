"""What the other layers use of the protocol is found in its package, and loaded when it is first used."""

from importlib import import_module

import pytest

from airflow_provider_drive import protocol

LAZY = {name: module for module, names in protocol._NAMES.items() for name in names}


@pytest.mark.parametrize(("name", "module"), LAZY.items())
def test_a_name_is_loaded_from_its_module(name, module):
    expected = getattr(import_module(f"airflow_provider_drive.protocol.{module}"), name)
    vars(protocol).pop(name, None)
    assert getattr(protocol, name) is expected
    assert vars(protocol)[name] is expected


def test_another_name_is_none():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = protocol.nonsense
