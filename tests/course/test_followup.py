"""A mistake costs its points once: what follows is graded with the reference."""

import json

import pytest

from nst_numpy.course import (
    Submission,
    as_csv,
    as_json,
    as_text,
    grade_answer,
    grade_submission,
    load_assignment,
)
from nst_numpy.course.followup import carried_over, faults_of, needed, reaches, sentence
from nst_numpy.course.grade import grade_task
from nst_numpy.course.submission import read_answer
from tests import posix

pytestmark = posix

SOLUTION = '''import numpy as np


# %% u1.gram
def gram(a, scale=1.0):
    """Return aᵀa."""
    ### BEGIN SOLUTION
    return scale * a.T @ a
    ### END SOLUTION


# %% u1.loss
def loss(a, b):
    """Return the squared distance of two Gram matrices."""
    ### BEGIN SOLUTION
    return np.sum((gram(a) - gram(b, scale=1.0)) ** 2)
    ### END SOLUTION


# %% u1.total
def total(pairs):
    """Return the sum of losses."""
    ### BEGIN SOLUTION
    return sum(loss(a, b) for a, b in pairs)
    ### END SOLUTION
'''
TESTS = """import numpy as np
from nst_numpy.course import expect
from solution import gram, loss, total

a = np.array([[1.0, 2.0], [3.0, 0.0]])

# %% u1.gram
expect.same(np.shape(gram(a)), (2, 2), "the shape")
### BEGIN HIDDEN TESTS
expect.same(gram(a), [[10, 2], [2, 4]], "gram(a)")
### END HIDDEN TESTS

# %% u1.loss
expect.same(loss(a, a), 0, "loss(a, a)")
### BEGIN HIDDEN TESTS
expect.same(loss(a, 0 * a), 124, "loss(a, 0)")
### END HIDDEN TESTS

# %% u1.total
expect.same(total([]), 0, "total([])")
### BEGIN HIDDEN TESTS
expect.same(total([(a, 0 * a), (a, a)]), 124, "total")
### END HIDDEN TESTS
"""
RIGHT = {
    "gram": "def gram(a, scale=1.0):\n    return scale * a.T @ a\n",
    "loss": "def loss(a, b):\n    return np.sum((gram(a) - gram(b, scale=1.0)) ** 2)\n",
    "total": "def total(pairs):\n    return sum(loss(a, b) for a, b in pairs)\n",
}
WRONG_GRAM = "def gram(a, scale=1.0):\n    return scale * a.T @ a * 3\n"
NOTE = "graded with the reference gram, because yours failed u1.gram"


def write_course(folder, name="u1_chain", solution=SOLUTION, tests=TESTS):
    place = folder / name
    place.mkdir(parents=True)
    short = name.partition("_")[0]
    tasks = [line[5:] for line in solution.splitlines() if line.startswith("# %% ")]
    manifest = {"title": "A chain", "points": dict.fromkeys(tasks, 2), "seconds": 3}
    (place / "assignment.json").write_text(json.dumps(manifest), "utf-8")
    (place / "solution.py").write_text(solution, "utf-8")
    (place / "tests.py").write_text(tests, "utf-8")
    (place / "README.md").write_text(
        "\n".join([f"# {short}", *(f"## {t}" for t in tasks)]), "utf-8"
    )
    return load_assignment(place)


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture
def grade(chain, tmp_path):
    def run(*pieces, **changed):
        path = tmp_path / "u1_chain.py"
        body = "".join((RIGHT | changed).values())
        path.write_text("\n".join(["import numpy as np", *pieces, body]), "utf-8")
        return grade_answer(path, chain)

    return run


def points(grade):
    return [task.points for task in grade.tasks]


def test_a_mistake_costs_its_own_task_only_and_that_is_said(grade, chain):
    done = grade(gram=WRONG_GRAM)
    assert points(done) == [0, 2, 2]
    assert [task.reason for task in done.tasks[1:]] == [f"all tests pass; {NOTE}"] * 2
    assert done.tasks[0].references == ()
    assert " ".join(as_text([done]).split()).count(NOTE) == 2
    told = as_json("ada", [done])["assignments"][0]["tasks"][1]
    assert told["references"] == [{"function": "gram", "failed": "u1.gram"}]
    rows = as_csv([("ada", [done]), ("bob", [])], [chain]).splitlines()
    assert rows[0].endswith("u1.total,graded_with_reference")
    assert rows[1:] == ["ada,4,6,4,0,2,2,u1.loss u1.total", "bob,0,6,,,,,"]


def test_who_has_it_right_is_graded_with_their_own(grade):
    done = grade(gram="def gram(a, scale=1.0):\n    print('mine')\n    return scale * a.T @ a\n")
    assert points(done) == [2, 2, 2]
    assert not any(task.references for task in done.tasks)
    assert "mine" in done.tasks[1].prints


def test_a_later_mistake_still_costs(grade):
    wrong = RIGHT["loss"].replace("** 2", "** 4")
    done = grade(gram=WRONG_GRAM, loss=wrong)
    assert points(done) == [0, 0, 2]
    assert done.tasks[1].reason.endswith(NOTE)
    assert done.tasks[2].reason.startswith("all tests pass; graded with the reference ")
    # by then nothing of gram is needed: the reference's loss has its own
    assert ("loss", "u1.loss") in done.tasks[2].references


@pytest.mark.parametrize(
    "pieces",
    [
        {"loss": "same = gram\ndef loss(a, b):\n    return np.sum((same(a) - same(b)) ** 2)\n"},
        {"loss": "TABLE = {'style': gram}\ndef loss(a, b):\n    g = TABLE['style']\n"
                 "    return np.sum((g(a) - g(b)) ** 2)\n"},
        {"loss": "def loss(a, b, g=gram):\n    return np.sum((g(a) - g(b)) ** 2)\n"},
        {"loss": "import functools\nhalf = functools.partial(gram, scale=1.0)\n"
                 "def loss(a, b):\n    return np.sum((half(a) - half(b)) ** 2)\n"},
        {"loss": "def loss(a, b):\n    g = globals()['gram']\n"
                 "    return np.sum((g(a) - g(b)) ** 2)\n"},
        {"loss": "def helper(x):\n    return gram(x)\ndef loss(a, b):\n"
                 "    return np.sum((helper(a) - helper(b)) ** 2)\n"},
        {"gram": "def gram(A, s=1.0):\n    return 3 * A.T @ A\n",
         "loss": "def loss(a, b):\n    return np.sum((gram(A=a) - gram(b, s=1.0)) ** 2)\n"},
        {"gram": "import functools\n@functools.lru_cache\ndef gram(a, scale=1.0):\n    return a\n"},
        {"gram": "class Gram:\n    def __call__(self, a, scale=1.0):\n        return 3 * a.T @ a\n"
                 "gram = Gram()\n"},
        {"gram": "gram = lambda a, scale=1.0: 3 * a.T @ a\n"},
        {"gram": ""},
        {"gram": "def gram(a, scale=1.0):\n    raise NotImplementedError()\n"},
        {"gram": "def gram(a, scale=1.0):\n    return (\n"},
        {"gram": "def gram(a, scale=1.0):\n    raise SystemExit\n"},
    ],
)  # fmt: skip
def test_however_it_is_called(chain, pieces):
    source = "".join(["import numpy as np\n", *({"gram": WRONG_GRAM} | pieces).values()])
    cells = [("u1_chain.py", 1, source if "loss" in pieces else source + RIGHT["loss"])]
    assert "gram" in needed(chain.tasks[1], chain, cells)
    faults = faults_of(chain.tasks[0], chain, cells)
    task = grade_task(chain.tasks[1], chain, cells, faults=faults)
    assert (task.points, task.reason) == (2, f"all tests pass; {NOTE}")


def test_two_mistakes_that_cancel_cost_nothing_more(grade):
    done = grade(
        gram="def gram(a, scale=1.0):\n    return 2 * a.T @ a\n",
        loss="def loss(a, b):\n    return np.sum((gram(a) / 2 - gram(b) / 2) ** 2)\n",
    )
    assert points(done) == [0, 2, 2]
    assert not any(task.references for task in done.tasks)


def test_who_does_not_call_it_is_graded_without(grade):
    own = "def loss(a, b):\n    return np.sum((a.T @ a - b.T @ b) ** 2) + {}\n"
    done = grade(gram=WRONG_GRAM, loss=own.format(0))
    assert (points(done), done.tasks[1].references) == ([0, 2, 2], ())
    done = grade(gram=WRONG_GRAM, loss=own.format(1))
    assert (points(done)[1], done.tasks[1].references) == (0, ())
    assert "graded with" not in done.tasks[1].reason


def test_what_is_not_written_stays_so(grade):
    empty = {name: f"def {name}(*args):\n    raise NotImplementedError()\n" for name in RIGHT}
    done = grade(**empty)
    assert {task.reason for task in done.tasks} == {"not written yet (raises NotImplementedError)"}


def test_an_error_of_the_reference_is_the_callers(grade):
    done = grade(
        gram=WRONG_GRAM, loss="def loss(a, b):\n    if a.any(): gram()\n    return np.sum(a)\n"
    )
    reason = done.tasks[1].reason
    assert "TypeError: gram() missing 1 required positional argument: 'a', in u1_chain.py" in reason
    assert "scale * a.T" not in reason


def test_the_solution_is_not_there_to_be_read(chain):
    """The reference runs elsewhere: an answer's process has no code of it."""
    look = (
        "import gc\ndef loss(a, b):\n"
        "    print([o.__code__.co_names for o in gc.get_objects() "
        "if getattr(o, '__name__', '') in ('gram', 'reference')])\n"
        "    return np.sum((gram(a) - gram(b)) ** 2)\n"
    )
    cells = [("u1_chain.py", 1, f"import numpy as np\n{WRONG_GRAM}{look}")]
    task = grade_task(chain.tasks[1], chain, cells, faults=faults_of(chain.tasks[0], chain, cells))
    assert task.references, task.reason
    assert "'bind'" in task.prints  # what stands in its place
    assert "'T'" not in task.prints


def test_a_release_has_no_reference(chain, tmp_path):
    from nst_numpy.course import release

    (folder,) = release([chain], tmp_path)
    path = tmp_path / "u1_chain.py"
    path.write_text(
        "".join(["import numpy as np\n", *(RIGHT | {"gram": WRONG_GRAM}).values()]), "utf-8"
    )
    released = load_assignment(folder)
    assert faults_of(released.tasks[0], released, read_answer(path)) == []
    assert not any(task.references for task in grade_answer(path, released).tasks)


def test_public_tests_alone_take_the_answer_as_it_is(chain, tmp_path):
    path = tmp_path / "u1_chain.py"
    broken = {"gram": "def gram(a, scale=1.0):\n    return None\n"}
    path.write_text("".join(["import numpy as np\n", *(RIGHT | broken).values()]), "utf-8")
    done = grade_answer(path, chain, hidden=False)
    assert points(done) == [0, 0, 2]
    assert not any(task.references for task in done.tasks)


SECOND = '''import numpy as np


# %% u2.paint
def paint(a):
    """Return the trace of aᵀa."""
    ### BEGIN SOLUTION
    return np.trace(a.T @ a)
    ### END SOLUTION


# %% u2.loss
def loss(a):
    """Return a number, by another rule than in u1."""
    ### BEGIN SOLUTION
    return np.sum(a)
    ### END SOLUTION
'''
SECOND_TESTS = """import numpy as np
from nst_numpy.course import expect
from solution import loss, paint

a = np.array([[1.0, 2.0, 3.0], [3.0, 0.0, 1.0]])

# %% u2.paint
expect.same(np.shape(paint(a)), (), "the shape")
### BEGIN HIDDEN TESTS
expect.same(paint(a), 24, "paint(a)")
### END HIDDEN TESTS

# %% u2.loss
expect.same(loss(a), 10, "loss(a)")
"""
PAINT = "def paint(a):\n    return gram(a)[0, 0] + gram(a)[1, 1] + gram(a)[2, 2]\n"


@pytest.fixture
def second(tmp_path):
    return write_course(tmp_path / "course", "u2_more", SECOND, SECOND_TESTS)


@pytest.mark.parametrize(
    ("head", "carried"),
    [
        (WRONG_GRAM, ["gram"]),
        (WRONG_GRAM.replace("):\n", '):\n    """Mine."""\n    # spaces\n'), ["gram"]),
        ("from u1_chain import gram\n", ["gram", "total"]),
        (WRONG_GRAM.replace("* 3", "* 4"), []),  # written anew: another function
        (RIGHT["gram"], []),
        ("", []),
    ],
)
def test_what_an_answer_has_from_an_earlier_assignment(chain, second, head, carried):
    """Of the second assignment, loss is a function of its own."""
    earlier = "".join([WRONG_GRAM, RIGHT["loss"], RIGHT["total"]])
    failed = [
        fault for task in chain.tasks for fault in faults_of(task, chain, [("a.py", 1, earlier)])
    ]
    assert [fault.function for fault in failed] == ["gram", "loss", "total"]
    later = [("b.py", 1, f"{head}{PAINT}{RIGHT['loss']}")]
    assert [fault.function for fault in carried_over(failed, second, later)] == carried
    assert carried_over(failed, chain, later) == []


def test_a_function_of_an_earlier_assignment(chain, second, tmp_path):
    first, later = tmp_path / "u1_chain.py", tmp_path / "u2_more.py"
    wrong_loss = RIGHT["loss"].replace("** 2", "** 3")
    first.write_text(f"import numpy as np\n{WRONG_GRAM}{wrong_loss}", "utf-8")
    later.write_text(
        f"import numpy as np\n{WRONG_GRAM}{PAINT}def loss(a):\n    return -np.sum(a)\n", "utf-8"
    )
    handed_in = Submission("ada", {"u2": [later], "u1": [first]})
    done = grade_submission(handed_in, {"u1": chain, "u2": second})
    assert [grade.assignment for grade in done] == ["u2", "u1"]
    assert points(done[0]) == [2, 0], as_text(done)
    assert done[0].tasks[0].reason == f"all tests pass; {NOTE}"
    assert done[0].tasks[1].references == ()


def test_the_earlier_file_imported(chain, second):
    """However it is imported, and also by what is in that file itself."""
    body = f"import numpy as np\n{WRONG_GRAM}def twice(a):\n    return 2 * gram(a)\n"
    head = f"open('u1_chain.py', 'w').write({body!r})\nimport numpy as np\n"
    fault = faults_of(chain.tasks[0], chain, [("u1_chain.py", 1, WRONG_GRAM)])
    for source in (
        "import u1_chain\ndef paint(a):\n    return np.trace(u1_chain.gram(a))\n",
        "from u1_chain import gram as G\ndef paint(a):\n    return np.trace(G(a))\n",
        "from u1_chain import twice\ndef paint(a):\n    return np.trace(twice(a)) / 2\n",
    ):
        cells = [("u2_more.py", 1, head + source)]
        assert carried_over(fault, second, cells) == fault
        assert reaches(needed(second.tasks[0], second, cells), fault[0])
        assert not reaches(needed(second.tasks[1], second, cells), fault[0])
        task = grade_task(second.tasks[0], second, cells, faults=fault)
        assert (task.points, task.references) == (2, (("gram", "u1.gram"),)), task.reason


def test_the_better_file_says_what_failed(chain, second, tmp_path):
    """Of two files for one assignment, only the mistakes of the one that counts are known later."""
    good, bad, later = (tmp_path / name for name in ("u1_a.py", "u1_b.py", "u2_more.py"))
    good.write_text("import numpy as np\n" + "".join(RIGHT.values()), "utf-8")
    bad.write_text(f"import numpy as np\n{WRONG_GRAM}", "utf-8")
    later.write_text(f"import numpy as np\n{WRONG_GRAM}{PAINT}", "utf-8")
    both = Submission("ada", {"u1": [bad, good], "u2": [later]})
    done = grade_submission(both, {"u1": chain, "u2": second})
    assert points(done[0]) == [2, 2, 2]
    assert done[1].tasks[0].points == 0


def test_functions_that_are_called_back(tmp_path):
    """A reference that takes a function calls the student's, in the student's process."""
    solution = (
        "# %% u3.step\ndef step(cost, x):\n    ### BEGIN SOLUTION\n"
        "    return x - cost(x)[1]\n    ### END SOLUTION\n"
        "# %% u3.walk\ndef walk(x):\n    ### BEGIN SOLUTION\n"
        "    return step(lambda x: (x * x, 0.5 * x), x)\n    ### END SOLUTION\n"
    )
    tests = (
        "import numpy as np\nfrom nst_numpy.course import expect\nfrom solution import step, walk\n"
        "# %% u3.step\nexpect.same(step(lambda x: (0, x / 4), np.ones(1)), [0.75], 'step')\n"
        "# %% u3.walk\nexpect.same(walk(np.ones(2)), [0.5, 0.5], 'walk')\n"
    )
    course = write_course(tmp_path / "course", "u3_walk", solution, tests)
    path = tmp_path / "u3_walk.py"
    path.write_text(
        "def step(cost, x):\n    return x\n"
        "def walk(x):\n    return step(lambda x: (x * x, 0.5 * x), x)\n",
        "utf-8",
    )
    done = grade_answer(path, course)
    assert points(done) == [0, 2], as_text([done])
    assert done.tasks[1].references == (("step", "u3.step"),)


def test_too_deep_an_expression_ends_no_grading(chain, second):
    deep = [("a.py", 1, f"def gram(a):\n    return {'+'.join(['a'] * 1500)}\n{PAINT}")]
    (fault,) = faults_of(chain.tasks[0], chain, deep)
    assert carried_over([fault], second, deep) == []
    assert "gram" in needed(second.tasks[0], second, deep)


def test_what_a_task_needs(chain):
    source = "x = 1\ndef loss(a, b):\n    return help(a)\ndef help(a):\n    return gram(a)\n"
    cells = [("a.py", 1, source)]
    assert {"loss", "help", "gram"} <= needed(chain.tasks[1], chain, cells)
    assert "x" not in needed(chain.tasks[1], chain, cells)
    assert "loss" not in needed(chain.tasks[0], chain, cells)


def test_the_sentence():
    many = [("gram", "a4.gram"), ("pad", "a1.pad"), ("norm", "a4.gram")]
    assert sentence(many) == (
        "graded with the reference gram and norm, because yours failed a4.gram, and with the "
        "reference pad, because yours failed a1.pad"
    )
    assert sentence([]) == ""
