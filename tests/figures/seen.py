"""What is on a figure."""

import numpy as np


def titles(figure):
    return [axes.get_title() for axes in figure.axes]


def titled(figure, title):
    """Return the one panel with that title."""
    [axes] = [axes for axes in figure.axes if axes.get_title() == title]
    return axes


def picture(axes, number=0):
    """Return the numbers of an image on a panel."""
    return np.asarray(axes.images[number].get_array())


def words(axes):
    return [text.get_text() for text in axes.texts]


def line(axes, number=0):
    """Return the x and y of a line as lists."""
    return [np.asarray(values).tolist() for values in axes.lines[number].get_data()]


def limits(axes, number=0):
    """Return the ends of an image's scale of colours."""
    return axes.images[number].norm.vmin, axes.images[number].norm.vmax
