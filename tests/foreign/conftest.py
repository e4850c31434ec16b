from operators.conftest import copy, waiting

__all__ = ["copy", "waiting"]
