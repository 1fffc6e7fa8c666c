import re

from nst_numpy.measure import machine


def test_the_machine_is_named_with_its_cores_and_its_blas(monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 3)
    named = machine.machine()
    assert re.search(r"., 3 cores, NumPy \d", named)
    assert " with " in named
    assert "\n" not in named


def test_a_processor_has_a_name():
    assert machine.processor()
