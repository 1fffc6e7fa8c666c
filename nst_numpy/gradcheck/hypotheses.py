"""placeholder."""

from nst_numpy.gradcheck.diagnosis import Diagnosis


def explain(study):
    found = list(study.pair.complaints)
    for c in study.cases.values():
        if not c.comparable and c.analytic is not None:
            found.append(Diagnosis("shape", f"wrong shape {c.analytic.shape}", 1.0, c.name))
        elif c.wrong:
            found.append(Diagnosis("unknown", "values differ", 0.1, c.name))
    return found
