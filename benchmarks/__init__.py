"""Figures of this machine. Compare those of one run with each other, not with another machine's."""
