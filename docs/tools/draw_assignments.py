"""Draw the picture of each assignment, by its own solution.

    python docs/tools/draw_assignments.py [NAME …]

writes tutorials/assignments/a1_convolution/a1.jpg and so on; a1 and the like choose.
"""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

import nst_numpy as nst
from nst_numpy.figures.style import BLUE, GREY, INK, RED
from nst_numpy.signals import load_ecg
from nst_numpy.weights import load_weights

ASSIGNMENTS = Path(__file__).resolve().parents[2] / "tutorials" / "assignments"
DPI = 110
LAYERS = ("conv1_1", "conv1_2", "pool1", "conv2_1", "conv2_2", "pool2", "conv3_1")
# light from above and from the left: what gets darker downwards and to the right
EDGES = np.array([[2.0, 1, 0], [1, 0, -1], [0, -1, -2]])


def main() -> None:
    """Draw those that are named; all, if there are no names."""
    for folder in sorted(ASSIGNMENTS.glob("a[0-9]_*")):
        name = folder.name[:2]
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        sys.path.insert(0, str(folder))
        figure = DRAW[name](runpy.run_path(str(folder / "solution.py")))
        sys.path.remove(str(folder))
        place = folder / f"{name}.jpg"
        figure.savefig(place, dpi=DPI, pil_kwargs={"quality": 80})
        print(f"{place.relative_to(ASSIGNMENTS)}: {place.stat().st_size >> 10} kB", flush=True)


def convolution(own: dict[str, Any]) -> plt.Figure:
    """Show a photograph, a filter, and the map that they make."""
    photo = square("neuschwanstein", 64)
    out, _ = own["conv_forward"](photo / 255, edges(), np.zeros(1), stride=1, pad=1)
    figure, axes = row(3)
    show(axes[0], photo, "x, 64 × 64 × 3")
    show(axes[1], EDGES, "w, 3 × 3 × 3 × 1", cmap="Greys_r")
    for (i, j), value in np.ndenumerate(EDGES):
        colour = INK if value > 0 else "white"
        axes[1].text(j, i, f"{value:g}", ha="center", va="center", color=colour, fontsize=14)
    show(axes[2], out[:, :, 0], "out, 64 × 64 × 1", cmap="Greys_r")
    for axis, side in ((axes[0], 3), (axes[2], 1)):
        corner = 22.5 - side // 2
        axis.add_patch(Rectangle((corner - 9, corner), side, side, ec=RED, fc="none", lw=2))
    return figure


def pooling(own: dict[str, Any]) -> plt.Figure:
    """Show a map, what the ReLU leaves of it, and its two pools."""
    photo = square("neuschwanstein", 64)
    a1 = runpy.run_path(str(ASSIGNMENTS / "a1_convolution" / "solution.py"))
    x, _ = a1["conv_forward"](photo / 255, edges(), np.zeros(1), stride=1, pad=1)
    relu, _ = own["relu_forward"](x)
    figure, axes = row(4)
    largest = np.abs(x).max()
    for axis, a, title in (
        (axes[0], x, "x, 64 × 64"),
        (axes[1], relu, "ReLU: below 0 nothing"),
        (axes[2], own["max_pool_forward"](relu, 4, 4)[0], "max pool, 16 × 16"),
        (axes[3], own["avg_pool_forward"](relu, 4, 4)[0], "average pool, 16 × 16"),
    ):
        show(axis, a[:, :, 0], title, cmap="RdBu", vmin=-largest, vmax=largest)
    return figure


def content(own: dict[str, Any]) -> plt.Figure:
    """Show steps down the content loss, here of the pixels themselves."""
    target = square("neuschwanstein", 64) / 255
    start = np.random.default_rng(0).uniform(0, 1, target.shape)
    figure, axes = row(4)
    for axis, steps in zip(axes, (0, 1, 3, 8), strict=True):
        a, _ = own["descend"](target, start, 0.3, steps)
        J = own["content_loss"](target, a)
        show(axis, a, f"{steps} step{'s' * (steps != 1)}: J = {J:.3g}")
    return figure


def style(own: dict[str, Any]) -> plt.Figure:
    """Show a painting, the same in pieces, and two others: their Gram matrices, and J_style."""
    painting = square("starry_night", 128)
    # (8, 16, 8, 16, 3) -> (64, 16, 16, 3): tiles of 16 × 16
    tiles = painting.reshape(8, 16, 8, 16, 3).swapaxes(1, 2).reshape(64, 16, 16, 3)
    tiles = np.random.default_rng(0).permutation(tiles).reshape(8, 8, 16, 16, 3)
    pieces = tiles.swapaxes(1, 2).reshape(128, 128, 3)
    pictures = painting, pieces, square("cafe_terrace", 128), square("neuschwanstein", 128)
    vgg = nst.VGG.load()
    a = [vgg.forward(nst.preprocess(p), ["relu2_1"])["relu2_1"][0, ..., :32] for p in pictures]
    grams = np.sqrt([own["gram_matrix"](each) for each in a])
    figure, axes = plt.subplots(2, 4, figsize=(7.2, 4), layout="constrained")
    titles = "S", "G: S in pieces", "another G", "another G"
    for (top, below), picture, title, each, gram in zip(
        axes.T, pictures, titles, a, grams, strict=True
    ):
        show(top, picture, title)
        J = own["style_loss"](a[0], each)
        show(below, gram, f"J_style = {J / 1e6:.0f} million", cmap="viridis", vmax=grams[0].max())
    return figure


def first_picture(own: dict[str, Any]) -> plt.Figure:
    """Show the photograph, the painting, the random start, and what comes of it."""
    photo, painting = own["photograph"], own["painting"]
    start = own["to_picture"](own["random_start"](photo.shape, 0))
    picture = own["paint"](photo, painting, alpha=1.0, beta=400.0, steps=40)
    figure, axes = row(4)
    for axis, image, title in (
        (axes[0], photo, "C"), (axes[1], painting, "S"),
        (axes[2], start, "G at the start"), (axes[3], picture, "G after 40 steps"),
    ):  # fmt: skip
        show(axis, image, title)
    return figure


def dimensions(own: dict[str, Any]) -> plt.Figure:
    """Show a signal, a filter as long as a heartbeat, and where it answers."""
    millivolt, rate = load_ecg()
    x = millivolt[: int(4 * rate), None].astype(float)
    x -= x.mean()
    peak = int(x[:, 0].argmax())
    half = int(0.08 * rate)
    w = x[peak - half : peak + half + 1, :, None]
    out = own["conv1d"](x, w / np.square(w).sum(), np.zeros(1))
    figure, (top, below) = plt.subplots(2, 1, figsize=(7.2, 3.4), sharex=True, layout="constrained")
    seconds = np.arange(len(x)) / rate
    top.plot(seconds, x, color=INK, lw=0.9)
    seen = slice(peak - half, peak + half + 1)
    top.plot(seconds[seen], x[seen], color=RED, lw=1.8)
    top.set_title("x, an EKG; in red the piece of it that is the filter w", fontsize=9)
    below.plot(seconds[half : half + len(out)], out, color=BLUE, lw=0.9)
    below.axhline(0, color=GREY, lw=0.5)
    below.set_title("out: large where the same beat is", fontsize=9)
    below.set_xlabel("seconds", fontsize=8)
    for axis in (top, below):
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=7)
    return figure


def patches(own: dict[str, Any]) -> plt.Figure:
    """Show where in a picture a unit fires most, and the nine patches that excite it most."""
    channel, side = 5, 128
    names = [sample.stem for sample in nst.pictures.sample_path("horse").parent.glob("*.jpg")]
    names += [sample.stem for sample in nst.pictures.sample_path("night_cafe").parent.glob("*.jpg")]
    pictures = np.stack([square(name, side) for name in sorted(names)])
    x = np.concatenate([nst.preprocess(picture) for picture in pictures])
    maps = nst.VGG.load(pool="max").forward(x, ["relu3_1"])["relu3_1"][..., channel]
    conv, pool = (3, 1, 1), (2, 2, 0)
    layers = [conv, conv, pool, conv, conv, pool, conv]
    best = own["top_nine"](maps)
    found = own["nine_patches"](pictures, maps, layers)
    figure = plt.figure(figsize=(7.2, 2.9), layout="constrained")
    left, middle, right = figure.subfigures(1, 3)
    n, i, j = best[0]
    axis = left.subplots()
    show(axis, pictures[n], "where the unit fires most")
    top, start, bottom, end = own["receptive_box"](layers, i, j, side, side)
    axis.add_patch(
        Rectangle((start - 0.5, top - 0.5), end - start, bottom - top, ec=RED, fc="none")
    )
    show(middle.subplots(), maps[n], "its activation map", cmap="magma")
    right.suptitle("its nine patches", fontsize=9)
    for axis, patch in zip(right.subplots(3, 3).flat, found, strict=True):
        show(axis, patch, "")
    return figure


def all_yours(own: dict[str, Any]) -> plt.Figure:
    """Show what the solution paints."""
    weights = load_weights(dtype=np.float64)
    network = []
    for name in LAYERS:
        relu = [(name.replace("conv", "relu"),)] if name in weights else []
        network += [(name, *weights.get(name, ())), *relu]
    photo, painting = square("neuschwanstein", 96), square("starry_night", 96)
    picture, J = own["paint"](photo, painting, network, alpha=1.0, beta=1000.0, steps=60)
    figure, axes = row(3)
    for axis, image, title in (
        (axes[0], photo, "C"), (axes[1], painting, "S"), (axes[2], picture, f"G, J = {J:.3g}"),
    ):  # fmt: skip
        show(axis, image, title)
    return figure


DRAW: dict[str, Callable[[dict[str, Any]], plt.Figure]] = {
    "a1": convolution, "a2": pooling, "a3": content, "a4": style,
    "a5": first_picture, "a6": dimensions, "a7": patches, "a8": all_yours,
}  # fmt: skip


def edges() -> np.ndarray:
    """Return EDGES for the mean of three channels: (3, 3, 3, 1)."""
    return np.repeat(EDGES[:, :, None, None], 3, axis=2) / 3


def square(name: str, side: int) -> np.ndarray:
    """Cut the largest square out of the middle of a sample, and make it small."""
    picture = nst.load_image(nst.pictures.sample_path(name))
    n = min(picture.shape[:2])
    top, left = (picture.shape[0] - n) // 2, (picture.shape[1] - n) // 2
    return nst.pictures.resize_image(picture[top : top + n, left : left + n].copy(), side)


def row(count: int) -> tuple[plt.Figure, np.ndarray]:
    """Make a row of panels."""
    return plt.subplots(1, count, figsize=(7.2, 7.2 / count + 0.3), layout="constrained")


def show(axis: Axes, image: np.ndarray, title: str, **options: Any) -> None:
    """Show an array, with sharp pixels and nothing around it."""
    axis.imshow(image, interpolation="nearest", **options)
    axis.set_title(title, fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])


if __name__ == "__main__":
    main()
