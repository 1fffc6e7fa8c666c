import json

import numpy as np
import pytest

import nst_numpy as nst
from nst_numpy.gradcheck import check_backward
from nst_numpy.gradcheck.zoo import MISTAKES, check_mistake


def square(x):
    return x**2, x


def wrong_at(index):
    def backward(grad_out, x):
        grad = 2 * x * grad_out
        grad[index] += 1
        return grad

    return backward


def test_the_worst_entry():
    x = np.arange(1.0, 13.0).reshape(3, 4)
    report = check_backward(square, wrong_at((1, 2)), {"x": x})
    row = report.arguments["x"]
    assert row.wrong == 1
    assert row.checked == row.entries == 12
    assert row.index == report.worst.index == (1, 2)
    assert row.analytic == pytest.approx(row.numeric + 1)
    assert report.worst.argument == "x"
    assert report.worst == row.worst > 0.01
    assert isinstance(report.worst, float)
    assert "1, 2" in str(report)
    with pytest.raises(nst.gradcheck.GradientError, match=r"x\[1, 2\] is .*, should be "):
        report.raise_if_wrong()


def test_right():
    report = check_backward(square, lambda g, x: 2 * g * x, {"x": np.ones(3)}, name="square")
    assert report.ok
    assert report.diagnosis is None
    assert report.worst < 1e-8
    report.raise_if_wrong()
    assert str(report).startswith("square: right\n")


def test_a_sample_says_how_sure_it_is():
    x = np.random.default_rng(0).standard_normal(5000)
    report = check_backward(square, lambda g, x: 2 * g * x, {"x": x}, entries=300)
    row = report.arguments["x"]
    assert (row.checked, row.entries) == (300, 5000)
    # 50 wrong of 5000: each escapes a draw of 300 with probability about (1 - 300/5000)
    assert row.chance_to_notice(0.01) == pytest.approx(1 - 0.94**50, abs=0.01)
    assert row.chance_to_notice(1e-9) == pytest.approx(300 / 5000)
    assert "300 of 5000 entries, drawn at random" in str(report)
    assert "if a single one were, with probability 6 %" in str(report)  # 300 / 5000
    assert (
        check_backward(square, lambda g, x: 2 * g * x, {"x": x}, entries=None)
        .arguments["x"]
        .checked
        == 5000
    )


def test_a_wrong_gradient_is_diagnosed_from_a_sample():
    x = np.random.default_rng(0).standard_normal((40, 50))
    report = check_backward(square, lambda g, x: -2 * g * x, {"x": x}, entries=50)
    assert report.diagnosis.name == "sign"


def test_what_rounding_hides_is_said():
    report = check_backward(lambda x: (1e12 + x, x), lambda g, x: g, {"x": np.ones((2, 2))})
    assert report.arguments["x"].blind == 4
    assert "of 4 entries the check says little" in str(report)


def test_the_record_is_json():
    for number in (0, 13):
        record = check_mistake(MISTAKES[number]).record()
        assert json.loads(json.dumps(record, allow_nan=False)) == record
        assert record["ok"] is False
        assert record["diagnoses"][0]["name"] == MISTAKES[number].expected


def test_a_report_of_nothing_is_no_pass():
    assert not nst.gradcheck.GradientReport({}).ok
    with pytest.raises(nst.gradcheck.GradientError):
        nst.gradcheck.GradientReport({}).raise_if_wrong()


def test_a_notebook_shows_a_report_and_a_diagnosis_as_print_does():
    class Printer:
        def text(self, words):
            shown.append(words)

    shown = []
    report = check_mistake(MISTAKES[0])
    report._repr_pretty_(Printer(), False)
    report.diagnosis._repr_pretty_(Printer(), False)
    assert shown == [str(report), str(report.diagnosis)]
