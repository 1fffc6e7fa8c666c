import json

import pytest

from nst_numpy.course import grade_answer, load_assignment, load_assignments
from nst_numpy.course.grade import grade_task, read_answer

SOLUTION = '''"""t1 A small assignment."""

import numpy as np


# %% t1.double
def double(x):
    """Return 2x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% t1.square
def square(x):
    """Return x²."""
    ### BEGIN SOLUTION
    return x * x
    ### END SOLUTION


# %% t1.slope
def slope(grad_out, x):
    """Return the gradient of x²."""
    ### BEGIN SOLUTION
    return 2 * x * grad_out
    ### END SOLUTION
'''
TESTS = """import numpy as np

from nst_numpy.course import expect
from solution import double, slope, square

# %% t1.double
expect.same(double(np.array([1.0, 3.0])), [2, 6], "double([1, 3])")
### BEGIN HIDDEN TESTS
expect.same(double(np.array([-7.125, 31337.5])), [-14.25, 62675], "double(x)")
### END HIDDEN TESTS

# %% t1.square
expect.same(square(np.array([3.0])), [9], "square([3])")
### BEGIN HIDDEN TESTS
expect.same(square(np.array([-7.125, 2.0])), [50.765625, 4], "square(x)")
### END HIDDEN TESTS

# %% t1.slope
x = np.array([1.0, -2.0, 3.0])
expect.gradient(lambda x: (x * x, x), lambda g, x: slope(g, x), {"x": x}, "slope")
"""
README = (
    "# t1 A small assignment\n\n## t1.double\nTwice.\n\n## t1.square\nx².\n\n## t1.slope\n2x.\n"
)


def write_assignment(folder):
    folder.mkdir(parents=True)
    points = {"t1.double": 1, "t1.square": 2, "t1.slope": 2.5}
    manifest = {"title": "A small assignment", "points": points, "seconds": 2, "megabytes": 512}
    (folder / "assignment.json").write_text(json.dumps(manifest), "utf-8")
    for name, text in (("solution.py", SOLUTION), ("tests.py", TESTS), ("README.md", README)):
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture(scope="session")
def bundled():
    return load_assignments()


@pytest.fixture
def small(tmp_path):
    """An assignment made of four files and nothing else."""
    return load_assignment(write_assignment(tmp_path / "course" / "t1_small"))


@pytest.fixture
def grade(small, tmp_path):
    """Grade an answer whose functions are the solution's, but for what is given."""

    def run(*pieces, head="", name="t1_small.py", **options):
        text = "import numpy as np\n" + head
        known = {
            "double": "def double(x):\n    return 2 * x\n",
            "square": "def square(x):\n    return x * x\n",
            "slope": "def slope(grad_out, x):\n    return 2 * x * grad_out\n",
        }
        for piece in pieces:
            known[piece.partition("(")[0].removeprefix("def ")] = piece
        path = tmp_path / name
        path.write_text(text + "\n".join(known.values()), "utf-8")
        done = grade_answer(path, small, **options)
        return done, {task.name.partition(".")[2]: task for task in done.tasks}

    return run


@pytest.fixture
def grade_double(small, tmp_path):
    """Grade the first task only: one process."""

    def run(body, **options):
        path = tmp_path / "t1_small.py"
        path.write_text(f"import numpy as np\ndef double(x):\n    {body}\n", "utf-8")
        return grade_task(small.tasks[0], small, read_answer(path), **options)

    return run
