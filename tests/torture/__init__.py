"""Compilers killed at random moments on a real cluster: `python -m torture`."""
