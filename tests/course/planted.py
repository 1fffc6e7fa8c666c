"""A planted class of 30, made from wrong answers to a1: who made which mistake is known."""

from functools import cache

from nst_numpy.course.assignment import split_cells
from nst_numpy.course.grade import Grade, grade_task, own_fingerprint
from nst_numpy.course.results import write_results

# What a student has in place of the solution's: task, and what is replaced by what.
WRONG = {
    "slash": ("a1.size", "// stride", "/ stride"),
    "bias": ("a1.forward", "axes=3) + b", "axes=3)"),
    "w=": ("a1.grad_w", "grad_w +=", "grad_w ="),
    "w-": ("a1.grad_w", "return grad_w", "return -grad_w"),
    "w0": ("a1.grad_w", "f = w.shape[0]", "raise NotImplementedError()"),
    "x=": ("a1.grad_x", "] += sent", "] = sent"),
    "pad": ("a1.grad_x", "[pad : pad + n_H, pad : pad + n_W]", ""),
}
OWN_WAY = """
def filter_gradient({g}, {c}):
    {x}, {w}, {s}, {p} = {c}
    # {comment}
    {x} = np.pad({x}, [(p, p) for p in ({p}, {p}, 0)])
    {v} = np.lib.stride_tricks.sliding_window_view({x}, {w}.shape[:2], axis=(0, 1))
    {v} = {v}[:: {s}, :: {s}][: {g}.shape[0], : {g}.shape[1]].transpose(0, 1, 3, 4, 2)
    {v} = {v}.reshape({g}.shape[0] * {g}.shape[1], -1)
    product = {v}.T @ {g}.reshape(-1, {g}.shape[2]) if {v}.size else np.zeros({w}.shape)
    return product.reshape({w}.shape[0], {w}.shape[1], {w}.shape[2], {w}.shape[3])
"""
PLACES = ("g", "c", "x", "w", "s", "p", "v", "comment")
COPIED = {
    name: dict(zip(PLACES, words.split(), strict=True))
    for name, words in (
        ("copy 1", "grad_out cache x w stride pad view all"),
        ("copy 2", "g kept a k step zeros seen mine"),
    )
}
# 17 forget += in one gradient, 3 of them in both.
CLASS = [
    *3 * [("w=", "x=")], *10 * [("w=",)], *4 * [("x=", "bias")], *2 * [("pad",)], ("w-", "slash"),
    *3 * [("w0", "slash")], *2 * [("slash",)], ("copy 1",), ("copy 2",), *3 * [()],
]  # fmt: skip
STUDENTS = [f"s{number:02}" for number in range(1, 31)]


def cells_of(kinds, assignment):
    """Return an answer with these mistakes as cells."""
    cells = []
    for cell in split_cells(assignment.solution):
        source = cell.source
        for kind in kinds:
            if kind in COPIED and cell.label == "a1.grad_w":
                source = OWN_WAY.format(**COPIED[kind])
            elif kind in WRONG and cell.label == WRONG[kind][0]:
                assert WRONG[kind][1] in source
                source = source.replace(*WRONG[kind][1:])
        cells.append(("a1.py", cell.first_line, source))
    return cells


@cache
def graded(task, assignment, kinds):
    """Grade a task once for each way in which it is written: a process takes its time."""
    return grade_task(task, assignment, cells_of(kinds, assignment))


def write_class(folder, assignment):
    """Grade the class and write what `nst course grade` writes."""
    for student, kinds in zip(STUDENTS, CLASS, strict=True):
        tasks = []
        for task in assignment.tasks:
            own = tuple(
                kind for kind in kinds
                if (WRONG[kind][0] if kind in WRONG else "a1.grad_w") == task.name
            )  # fmt: skip
            tasks.append(graded(task, assignment, own))
        code = own_fingerprint(cells_of(kinds, assignment), assignment)
        grade = Grade("a1", assignment.title, "a1.py", tuple(tasks), fingerprint=code)
        (folder / student).mkdir(parents=True)
        write_results(folder / student, student, [grade])
