"""The state of the emulated tenant. It depends on neither HTTP nor Graph's JSON."""
