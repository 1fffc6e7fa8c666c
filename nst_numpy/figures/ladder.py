"""The speed ladder as a picture."""

from collections.abc import Sequence

from nst_numpy.figures.style import BLUE, GREY, INK, ON_WHITE, Figure
from nst_numpy.measure.bench import Rung


def ladder_figure(rungs: Sequence[Rung], peak: float) -> Figure:
    """Draw the speed ladder: a bar a method, GFLOP/s on a logarithmic axis.

    Parameters
    ----------
    rungs : sequence of Rung
        From `bench.convolution_ladder` and `bench.step_rung`.
    peak : float
        GFLOP/s of matrix products on this machine, drawn as a line.
    """
    figure = Figure(figsize=(7.2, 0.62 * len(rungs) + 1.5), layout="constrained")
    axes = figure.subplots()
    places = range(len(rungs))
    axes.barh(places, [rung.gflops for rung in rungs], color=BLUE, height=0.6)
    for place, rung in zip(places, rungs, strict=True):
        label = f" {rung.gflops:,.3g}" if rung.gflops < 1 else f" {rung.gflops:,.0f}"
        axes.text(rung.gflops, place, label, va="center", color=INK, bbox=ON_WHITE)
    axes.axvline(peak, color=GREY, linestyle="--", linewidth=1)
    axes.annotate(
        f"peak of matrix\nproducts, {peak:.0f}", (peak, 0), xytext=(-6, 0),
        textcoords="offset points", ha="right", va="center", color=GREY,
    )  # fmt: skip
    axes.set_yticks(places, [rung.name for rung in rungs])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlim(right=max(rung.gflops for rung in rungs) * 4)
    axes.set_xlabel("GFLOP/s of the direct computation, logarithmic")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
