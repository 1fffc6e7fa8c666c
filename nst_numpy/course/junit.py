"""JUnit's XML of grades, as continuous integration shows it: one suite a student and assignment.

Elements, attributes and their order are those of the schema for Apache Ant's JUnit task
(https://github.com/windyroad/JUnit-Schema), so that stricter readers take it too.
"""

import time
from collections.abc import Iterable
from xml.etree import ElementTree

from nst_numpy.course.grade import Grade, TaskGrade
from nst_numpy.course.plain import many_lines, one_line

CRASHES = ("time", "ended", "memory", "unreadable", "grader")  # errors; the others are failures


def as_junit(classes: Iterable[tuple[str, list[Grade]]]) -> str:
    """Write grades as JUnit's XML.

    Parameters
    ----------
    classes : iterable of (student, grades)

    Returns
    -------
    str
        The document. A task is a test case, with its points in the message of what fails and in
        the suite's properties. What an answer printed is the suite's output.
    """
    root = ElementTree.Element("testsuites")
    suites = ((student, grade) for student, grades in classes for grade in grades)
    for index, (student, grade) in enumerate(suites):
        root.append(_suite(index, one_line(student), grade))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(index: int, student: str, grade: Grade) -> ElementTree.Element:
    wrong = [task.mistake in CRASHES for task in grade.tasks if task.mistake]
    suite = ElementTree.Element(
        "testsuite",
        name=f"{student}.{one_line(grade.assignment)}",
        package=student or "_",
        id=str(index),
        timestamp=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()),
        hostname="localhost",
        tests=str(len(grade.tasks)),
        failures=str(wrong.count(False)),
        errors=str(wrong.count(True)),
        time="0",
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(grade):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    for task in grade.tasks:
        _case(suite, student, grade, task)
    prints = {task.name: task.prints for task in grade.tasks if task.prints}
    out = ElementTree.SubElement(suite, "system-out")
    out.text = "\n".join(f"{one_line(name)}:\n{many_lines(p)}" for name, p in prints.items())
    notes = ElementTree.SubElement(suite, "system-err")
    notes.text = "\n".join(map(one_line, grade.notes))
    return suite


def _properties(grade: Grade) -> list[tuple[str, str]]:
    told = [
        ("title", grade.title), ("file", grade.file), ("isolation", grade.isolation or "fence"),
        ("points", f"{grade.points:g}"), ("max_points", f"{grade.max_points:g}"),
    ]  # fmt: skip
    told += [(f"points of {task.name}", _points(task)) for task in grade.tasks]
    told += [(f"reason of {task.name}", task.reason) for task in grade.tasks if task.references]
    return [(one_line(name), one_line(value) or "-") for name, value in told]


def _case(suite: ElementTree.Element, student: str, grade: Grade, task: TaskGrade) -> None:
    case = ElementTree.SubElement(
        suite, "testcase",
        name=one_line(task.name), classname=f"{student}.{one_line(grade.assignment)}", time="0",
    )  # fmt: skip
    if task.mistake:
        kind = "error" if task.mistake in CRASHES else "failure"
        message = one_line(f"{_points(task)} points: {task.reason}")
        said = ElementTree.SubElement(case, kind, message=message, type=one_line(task.mistake))
        said.text = message


def _points(task: TaskGrade) -> str:
    return f"{task.points:g} of {task.max_points:g}"
