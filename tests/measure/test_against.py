from types import SimpleNamespace

import numpy as np
import pytest

from nst_numpy.errors import SettingError
from nst_numpy.measure import against, contest
from nst_numpy.measure.contest import Contender, StepCase, convolution_here, params_below, step_here
from nst_numpy.vgg import VGG


@pytest.fixture
def tiny(monkeypatch):
    """A small network and small cases; nobody waits."""
    rng = np.random.default_rng(0)
    vgg = VGG.random((4, 4, 4, 4, 4), rng, convolutions=(1, 1, 1, 2, 1), dtype=np.float32)

    def step_case(vgg, size):
        pictures = (rng.uniform(-100, 100, (1, size, size, 3)).astype("f4") for _ in range(3))
        return StepCase(params_below(vgg.params), *pictures)

    monkeypatch.setattr(contest, "PAUSE", 0)
    monkeypatch.setattr(against, "step_case", step_case)
    monkeypatch.setattr(against, "CONVOLUTIONS", {"1-D": ((1, 9, 2), (3, 2, 4), 1)})

    def fails():
        raise RuntimeError("No working C++ compiler found in here\nand more")

    rival = SimpleNamespace(
        NAME="Torch 0.0",
        steps=lambda case: [
            step_here(vgg, case)._replace(name="T eager, a"),
            Contender("T compiled, a", fails, list),
        ],
        convolutions=lambda case: [convolution_here(case)._replace(name="T eager, a")],
    )
    monkeypatch.setattr(against, "import_rivals", lambda names: ({"torch": rival}, []))
    return vgg


def test_two_tables_with_the_machine_and_what_has_failed(tiny):
    *_, found = against.compare(tiny, ["torch"], (16, 24), 1)
    text = found.markdown()
    assert text.startswith("Machine: ")
    assert "Torch 0.0" in text
    assert "| a step: J and its pixel gradient | 16×16 | 24×24 |" in text
    assert "| T compiled, a | fails | fails |" in text
    assert text.count("T compiled, a fails: torch.compile needs a C++ compiler: install g++") == 1
    assert text.count("| **here over the best of all** | **") == 2
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows[:6]}) == 1


@pytest.mark.parametrize(
    ("only", "steps", "convolutions"), [("steps", 1, 0), ("convolutions", 0, 1)]
)
def test_one_of_the_tables(tiny, only, steps, convolutions):
    *_, found = against.compare(tiny, ["torch"], (16,), 1, only)
    assert (len(found.steps), len(found.convolutions)) == (steps, convolutions)


@pytest.mark.parametrize("only", [None, "steps", "convolutions"])
def test_turns_are_counted_before_they_are_taken(only):
    steps, convolutions = 2 * (1 + 4 + 2), len(against.CONVOLUTIONS) * (1 + 2 + 2)
    expected = {None: steps + convolutions, "steps": steps, "convolutions": convolutions}[only]
    assert against.count_turns(["torch", "jax"], (16, 24), 3, only) == 3 * expected


def test_ratios_are_to_the_best_eager_one_and_to_the_best():
    times = {"nst_numpy": 1.0, "P eager, a": 2.0, "P eager, b": 4.0, "J jit": 1.6, "C": "fails"}
    assert against.ratios(times) == (1 / 2, 1 / 1.6)
    assert against.ratios({"nst_numpy": 1.0, "J jit": 4.0}) == (None, 1 / 4)


def test_what_is_not_installed_is_named_with_the_remedy(monkeypatch):
    def import_module(name):
        if "jax" in name:
            raise ImportError(name)
        return SimpleNamespace(NAME="Torch 0.0")

    monkeypatch.setattr(against, "import_module", import_module)
    rivals, notes = against.import_rivals(["torch", "jax"])
    assert list(rivals) == ["torch"]
    assert notes == ['jax is not installed: pip install "nst_numpy[bench]"']
    with pytest.raises(SettingError, match=r"^jax is not installed: pip install"):
        against.import_rivals(["jax"])


def test_other_rivals_are_not_known():
    with pytest.raises(SettingError, match="only torch and jax, not 'tensorflow'"):
        against.check_rivals("torch,tensorflow")


def test_the_first_line_of_an_error_says_why():
    assert against.why(ValueError("one\ntwo")) == "ValueError: one"
