"""The course kit: assignments to hand out, and a grader for what comes back.

docs/course.md tells how to run a course with it.
"""

from nst_numpy.course.assignment import Assignment, Task, load_assignment, load_assignments
from nst_numpy.course.classview import ClassView, view_class
from nst_numpy.course.grade import Grade, TaskGrade, grade_answer, grade_submission
from nst_numpy.course.isolation import Isolation, find_isolation
from nst_numpy.course.junit import as_junit
from nst_numpy.course.notebook import notebook
from nst_numpy.course.otter import release_otter
from nst_numpy.course.release import release, release_source
from nst_numpy.course.results import as_csv, as_gradescope, as_json, as_text
from nst_numpy.course.submission import Submission, find_submissions

__all__ = [
    "Assignment",
    "ClassView",
    "Grade",
    "Isolation",
    "Submission",
    "Task",
    "TaskGrade",
    "as_csv",
    "as_gradescope",
    "as_json",
    "as_junit",
    "as_text",
    "find_isolation",
    "find_submissions",
    "grade_answer",
    "grade_submission",
    "load_assignment",
    "load_assignments",
    "notebook",
    "release",
    "release_otter",
    "release_source",
    "view_class",
]
