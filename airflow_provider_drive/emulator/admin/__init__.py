"""The emulator's own endpoints, below ``/_emulator``: a page for people, and settings for programs."""
