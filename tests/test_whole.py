"""The program of one file computes what the package computes, and paints."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import nst_numpy as nst
from nst_numpy.objective import CONTENT_LAYERS, STYLE_LAYERS
from nst_numpy.settings import BETA_PER_PIXEL
from tests import PATIENCE

FILE = Path(__file__).resolve().parent.parent / "tutorials" / "whole.py"
ALLOWED = {"numpy", "scipy", "h5py", "PIL"} | sys.stdlib_module_names
CONTENT, STYLE = (nst.samples.sample_path(name) for name in ("neuschwanstein", "starry_night"))


def load_whole():
    spec = importlib.util.spec_from_file_location("whole", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


whole = load_whole()


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Keep BLAS to one: with little work and busy cores, its threads wait for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def params():
    return whole.read_weights(dtype=np.float64)


@pytest.fixture(scope="module")
def vgg():
    return nst.VGG.load(pool="avg", dtype=np.float64)


def noise(seed, height, width):
    """Make a picture of noise, less and less of it to the right, as VGG reads it."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3)) * np.linspace(1, 0.2, width)[:, None]
    return nst.preprocess(image.astype(np.uint8), dtype=np.float64)[0]


# Odd and even sides; at each pool another side is odd.
@pytest.mark.parametrize(("size", "style_size"), [((37, 45), (41, 33)), ((32, 26), (50, 47))])
def test_j_and_gradient_are_those_of_the_package(params, vgg, size, style_size):
    content, style, x = noise(0, *size), noise(1, *style_size), noise(2, *size)
    beta = BETA_PER_PIXEL * size[0] * size[1]
    expected = nst.Objective(vgg, content[None], style[None], alpha=1.0, beta=beta)
    targets = whole.measure_targets(content, style, params)
    for picture in (x, content):  # of the content itself, J_content and its gradient are 0
        expected_value, expected_grad = expected(picture[None])
        value, grad = whole.objective(picture, targets, params)
        assert value == pytest.approx(expected_value, rel=1e-10, abs=0)
        assert grad.shape == picture.shape
        assert np.abs(grad - expected_grad[0]).max() <= 1e-10 * np.abs(expected_grad).max()


def test_no_term_is_too_small_for_the_comparison(vgg):
    content, style, x = noise(0, 37, 45), noise(1, 41, 33), noise(2, 37, 45)
    beta = BETA_PER_PIXEL * 37 * 45
    objective = nst.Objective(vgg, content[None], style[None], beta=beta)
    value, grad = objective(x[None])
    assert len(objective.terms) == 6
    assert min(objective.terms.values()) > 1e-6 * value
    for term, part in objective.gradient_terms(x[None]).items():
        assert np.abs(part).max() > 1e-6 * np.abs(grad).max(), term


def test_layers_and_coefficients_are_the_packages():
    assert {whole.CONTENT_LAYER: 1.0} == CONTENT_LAYERS
    assert whole.STYLE_LAYERS == STYLE_LAYERS
    assert (whole.ALPHA, whole.BETA_PER_PIXEL) == (1.0, BETA_PER_PIXEL)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_stays(dtype):
    params = {
        name: (w.astype(dtype), b) for name, (w, b) in whole.read_weights(dtype=dtype).items()
    }
    x = noise(3, 16, 17).astype(dtype)
    targets = whole.measure_targets(x, x, params)
    outs, _ = whole.forward(x, params)
    _, grad = whole.objective(x, targets, params)
    arrays = [*outs.values(), targets[0], *targets[1].values(), grad]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_a_picture_is_read_as_the_package_reads_it(tmp_path):
    path = tmp_path / "picture.png"  # of a JPEG the package decodes no more pixels than it needs
    nst.save_image(path, nst.load_image(STYLE, 100))
    for size in (100, 50, 131):
        expected = nst.preprocess(nst.load_image(path, size))[0]
        np.testing.assert_array_equal(whole.read_picture(path, size), expected)


def small_pictures():
    return [whole.read_picture(path, 32, np.float64) for path in (CONTENT, STYLE)]


def test_what_scipy_tries_first_is_visible(params, monkeypatch):
    objective, pictures = whole.objective, []

    def watched(x, *more):
        pictures.append(x)
        return objective(x, *more)

    monkeypatch.setattr(whole, "objective", watched)
    whole.paint(*small_pictures(), params, 1)
    assert np.sqrt(np.mean((pictures[1] - pictures[0]) ** 2)) == pytest.approx(1)


def test_scipy_is_given_the_gradient_of_what_it_is_given(params, monkeypatch):
    given = []
    monkeypatch.setattr(whole, "minimize", lambda function, z, **more: given.extend((function, z)))
    whole.paint(*small_pictures(), params, 1)
    function, z = given
    z = z + 0.1 * np.random.default_rng(5).standard_normal(z.shape)
    _, grad = function(z)
    step = 1e-6 * grad / np.linalg.norm(grad)
    slope = (function(z + step)[0] - function(z - step)[0]) / 2e-6
    assert slope == pytest.approx(np.linalg.norm(grad), rel=1e-5)


def test_ctrl_c_keeps_the_picture_so_far(params, monkeypatch, capsys):
    objective, pictures = whole.objective, []

    def interrupted(x, *more):
        pictures.append(x)
        if len(pictures) == 6:
            raise KeyboardInterrupt
        return objective(x, *more)

    monkeypatch.setattr(whole, "objective", interrupted)
    x = whole.paint(*small_pictures(), params, 50)
    assert any(np.allclose(x, earlier, rtol=0, atol=1e-9) for earlier in pictures[1:5])
    assert "ended early" in capsys.readouterr().out


def test_it_fits_on_200_lines_and_needs_little():
    text = FILE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(node.module)
    assert {name.partition(".")[0] for name in imported} <= ALLOWED
    assert not any(word in text for word in ("__import__", "import_module"))


def test_the_program_paints(tmp_path):
    out = tmp_path / "out.png"
    command = [sys.executable, FILE, CONTENT, STYLE, out, "--size", "32", "--iterations", "2"]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", cwd=tmp_path, timeout=PATIENCE,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 of 2" in done.stdout
    painted, content = nst.load_image(out).astype(float), nst.load_image(CONTENT, 32)
    assert painted.shape == content.shape
    assert max(painted.shape) == 32
    change, with_blue_for_red = (
        np.abs(painted - other).mean() for other in (content, content[..., ::-1])
    )
    assert 1 < change < with_blue_for_red
