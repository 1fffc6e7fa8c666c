"""Objects that show themselves: a line in a terminal, a small drawing in a notebook."""

from importlib import import_module


class Shown:
    """What is worth a look when it is the last line of a cell, or of the interpreter.

    A class says in `_in_words` what it is, in one line. What a notebook draws of it is in
    `nst_numpy.figures.notebook`, which is loaded when a notebook asks.

    Examples
    --------
    >>> class Answer(Shown):
    ...     def _in_words(self):
    ...         return "6 × 7 = 42"
    >>> Answer()
    <Answer: 6 × 7 = 42>
    """

    def _in_words(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._in_words()}>"

    def _repr_html_(self) -> str:
        text: str = import_module("nst_numpy.figures.notebook").html(self)
        return text
