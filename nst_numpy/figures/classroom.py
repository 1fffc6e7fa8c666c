"""The picture of a class: for each task, how many have it, and how many do not."""

from collections.abc import Sequence

from nst_numpy.course.classview import TaskView
from nst_numpy.figures.style import GREY, INK, Figure

# After Okabe and Ito, in the order of the bars.
STATES = (
    ("right", "all tests pass", "#0072b2"),
    ("hidden", "only hidden tests fail", "#d49a00"),
    ("wrong", "a public test fails", "#d55e00"),
    ("unwritten", "not written", GREY),
)


def class_figure(tasks: Sequence[TaskView]) -> Figure:
    """Draw a bar for each task: students by what became of it, and beside it the mean points.

    Parameters
    ----------
    tasks : sequence of TaskView
        At least one.
    """
    figure = Figure(figsize=(5.4, 1.1 + 0.3 * len(tasks)), layout="constrained")
    axes = figure.subplots()
    places = range(len(tasks))
    left = [0] * len(tasks)
    for state, words, colour in STATES:
        counts = [getattr(task, state) for task in tasks]
        axes.barh(places, counts, left=left, color=colour, height=0.72, label=words)
        left = [start + count for start, count in zip(left, counts, strict=True)]
    most = max(left)
    for place, task, end in zip(places, tasks, left, strict=True):
        text = f"{task.mean:.1f} / {task.max_points:g}"
        axes.text(end + 0.015 * most, place, text, va="center", color=INK, fontsize=10)
    axes.set_yticks(places, [task.name for task in tasks])
    axes.set_xlim(0, 1.2 * most)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= most and tick % 1 == 0])
    axes.invert_yaxis()
    axes.set_xlabel("students; at the right the mean points", color=INK, fontsize=10)
    axes.tick_params(labelsize=10, colors=INK)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(INK)
    figure.legend(loc="outside upper left", ncols=2, frameon=False, fontsize=10, labelcolor=INK)
    return figure
