"""How far sealing is. Apart from what seals, which loads NumPy and PyArrow."""

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a step's name and how much of it is done, 0 to 1."""
