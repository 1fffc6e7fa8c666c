"""What all tests share."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True, scope="module")
def signals():
    """Signals act here and in processes started here, also where `nohup` or `&` ignores them."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    acts = {signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, acts.get(number, signal.SIG_DFL)) for number in known}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
