import inspect
import pickle

import pytest

import nst_numpy
from nst_numpy import errors
from nst_numpy.errors import NstError, UnknownNameError

# Whoever catches Python's own error catches ours too. Written out: this is a promise.
BUILTIN = {
    "ShapeError": ValueError,
    "SettingError": ValueError,
    "UnknownNameError": ValueError,
    "WeightsError": ValueError,
    "ImageError": ValueError,
    "UnknownPictureError": ValueError,
    "SignalError": ValueError,
    "UnknownSignalError": ValueError,
    "CourseError": ValueError,
    "OutputError": OSError,
    "TooLargeError": MemoryError,
    "NonFiniteError": FloatingPointError,
    "GradientError": AssertionError,
}


def test_the_family_is_complete():
    classes = dict(inspect.getmembers(errors, inspect.isclass))
    assert {name for name in classes if name.endswith("Error")} == {"NstError", *BUILTIN}


@pytest.mark.parametrize("name", BUILTIN)
def test_each_is_of_the_family_and_of_its_builtin(name):
    error = getattr(errors, name)
    assert issubclass(error, NstError)
    assert issubclass(error, BUILTIN[name])
    with pytest.raises(BUILTIN[name], match="f: it is wrong") as caught:
        raise error("f: it is wrong")
    assert str(caught.value) == "f: it is wrong"


def test_a_misspelt_sample_is_an_unknown_name_and_a_file_that_cannot_be_read():
    assert errors.UnknownPictureError.__bases__ == (UnknownNameError, errors.ImageError)
    assert errors.UnknownSignalError.__bases__ == (UnknownNameError, errors.SignalError)


def test_an_error_passes_between_processes():
    for name in BUILTIN:
        error = pickle.loads(pickle.dumps(getattr(errors, name)("f: it is wrong")))
        assert (type(error), str(error)) == (getattr(errors, name), "f: it is wrong")


def test_the_familys_head_is_a_name_of_the_package():
    assert nst_numpy.NstError is NstError
    assert NstError.__bases__ == (Exception,)


LAYERS = ["conv1_1", "relu1_1", "relu2_1", "relu2_2", "pool1"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("relu2_1x", "did you mean relu2_1 or relu2_2 or relu1_1?"),  # three at most, nearest first
        ("pool2", "did you mean pool1?"),
        ("fc7", "choose from conv1_1, relu1_1, relu2_1, relu2_2, pool1"),
        ("", "choose from conv1_1, relu1_1, relu2_1, relu2_2, pool1"),
    ],
)
def test_an_unknown_name_is_told_what_is_near(name, hint):
    error = UnknownNameError.of("layer", name, LAYERS)
    assert type(error) is UnknownNameError
    assert str(error) == f"unknown layer {name!r}: {hint}"


def test_choices_may_be_any_iterable():
    error = UnknownNameError.of("sample", "x", iter({"horse": 1, "coffee": 2}))
    assert str(error) == "unknown sample 'x': choose from horse, coffee"
