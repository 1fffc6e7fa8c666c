"""a7 The nine patches. README.md tells what to do; `python tests.py` tests it."""

import numpy as np


# %% a7.field
def receptive_field(layers):
    """Return (size, step, start) of what units see after layers (f, s, p)."""
    ### BEGIN SOLUTION
    size, step, start = 1, 1, 0
    for f, s, p in layers:
        size += (f - 1) * step
        start -= p * step
        step *= s
    return size, step, start
    ### END SOLUTION


# %% a7.box
def receptive_box(layers, row, col, height, width):
    """Return (top, left, bottom, right) of the pixels that a unit sees."""
    ### BEGIN SOLUTION
    size, step, start = receptive_field(layers)
    top, left = start + row * step, start + col * step
    return max(top, 0), max(left, 0), min(top + size, height), min(left + size, width)
    ### END SOLUTION


# %% a7.nine
def top_nine(maps, k=9):
    """Return (picture, row, col) of the k strongest, one a picture; maps is (N, n_H, n_W)."""
    ### BEGIN SOLUTION
    # (N, n_H, n_W) -> (N, n_H·n_W)
    flat = maps.reshape(len(maps), -1)
    places = flat.argmax(axis=1)
    order = np.argsort(-flat.max(axis=1), kind="stable")[:k]
    return [(int(n), *(int(i) for i in divmod(places[n], maps.shape[2]))) for n in order]
    ### END SOLUTION


# %% a7.cut
def nine_patches(pictures, maps, layers, k=9):
    """Return the patches that excite the unit most; pictures is (N, height, width, 3)."""
    ### BEGIN SOLUTION
    patches = []
    for n, row, col in top_nine(maps, k):
        top, left, bottom, right = receptive_box(layers, row, col, *pictures.shape[1:3])
        patches.append(pictures[n, top:bottom, left:right])
    return patches
    ### END SOLUTION
