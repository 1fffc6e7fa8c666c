from nst_numpy.course.classview import TaskView
from nst_numpy.figures.classroom import class_figure


def test_the_bars_are_the_counts():
    tasks = [TaskView("a1.size", 1, 0.5, 5, 2, 2, 1, ()), TaskView("a1.b", 3, 3, 10, 0, 0, 0, ())]
    [axes] = class_figure(tasks).axes
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [[5, 10], [2, 0], [2, 0], [1, 0]]
    assert [text.get_text() for text in axes.texts] == ["0.5 / 1", "3.0 / 3"]
