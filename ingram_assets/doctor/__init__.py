"""Looks at every outside system with the real settings, one after the other, and changes nothing."""
