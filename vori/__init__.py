"""VORI listens to meetings and turns what was said into tracked work."""

__version__ = "0.1.0"
