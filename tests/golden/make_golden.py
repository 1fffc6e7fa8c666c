"""Make the golden arrays of the tests with PyTorch in float64.

    python make_golden.py

writes vgg16.npz and layers.npz beside this file. The program shares no code with nst_numpy:
PyTorch computes the values, and its automatic differentiation the gradients.
README.md beside this file says what the arrays are.
"""

from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812 - its usual name

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
WEIGHTS = REPOSITORY / "weights" / "vgg16.h5"
PICTURES = REPOSITORY / "nst_numpy" / "pictures"

CONVOLUTIONS_IN_BLOCK = (2, 2, 3, 3, 3)
BGR_MEANS = (103.939, 116.779, 123.68)
POOLS = ("avg", "max")
VALUES_PER_LAYER = 100

# With these coefficients neither content nor style nor tv drowns the others in the gradient.
OBJECTIVES = {
    "one_content_layer": {
        "alpha": 3e-5,
        "beta": 2e-5,
        "tv_weight": 2e-5,
        "content_layers": {"relu4_2": 1.0},
        "style_layers": {
            "relu1_1": 0.2,
            "relu2_1": 0.2,
            "relu3_1": 0.2,
            "relu4_1": 0.2,
            "relu5_1": 0.2,
        },
    },
    "two_content_layers": {
        "alpha": 2e-5,
        "beta": 3e-5,
        "tv_weight": 5e-5,
        "content_layers": {"relu3_1": 0.25, "relu4_2": 0.75},
        "style_layers": {
            "relu1_1": 0.35,
            "relu2_1": 0.05,
            "relu3_1": 0.07,
            "relu4_1": 0.13,
            "relu5_1": 0.4,
        },
    },
}

# name: (shape of x, shape of w, stride, pad, dilation)
CONVOLUTIONS = {
    "conv1d": ((2, 11, 3), (3, 3, 4), 1, 0, 1),
    "conv1d_stride2_pad1": ((2, 11, 3), (3, 3, 4), 2, 1, 1),
    "conv1d_even_size_stride2": ((2, 12, 3), (3, 3, 2), 2, 0, 1),
    "conv1d_even_kernel_pad2": ((2, 9, 2), (4, 2, 3), 1, 2, 1),
    "conv1d_dilation2_pad2": ((2, 11, 3), (3, 3, 4), 1, 2, 2),
    "conv1d_tuples": ((1, 13, 2), (3, 2, 3), (2,), (1,), (2,)),
    "conv2d": ((2, 5, 7, 3), (3, 3, 3, 4), 1, 0, 1),
    "conv2d_pad1": ((2, 5, 7, 3), (3, 3, 3, 4), 1, 1, 1),
    "conv2d_pad2": ((1, 5, 4, 2), (3, 3, 2, 3), 1, 2, 1),
    "conv2d_1x1": ((2, 3, 5, 4), (1, 1, 4, 3), 1, 0, 1),
    "conv2d_stride2": ((2, 7, 9, 2), (3, 3, 2, 3), 2, 0, 1),
    "conv2d_stride2_pad1_rest": ((1, 6, 8, 2), (3, 3, 2, 3), 2, 1, 1),
    "conv2d_stride3_rest": ((1, 8, 7, 2), (2, 2, 2, 3), 3, 0, 1),
    "conv2d_mixed": ((2, 7, 9, 2), (3, 2, 2, 3), (2, 1), (0, 1), 1),
    "conv2d_dilation2": ((1, 7, 9, 2), (3, 3, 2, 3), 1, 0, 2),
    "conv2d_mixed_dilation": ((1, 9, 8, 2), (3, 3, 2, 3), (1, 2), (2, 1), (2, 1)),
    "conv3d": ((1, 4, 5, 3, 2), (2, 3, 2, 2, 3), 1, 0, 1),
    "conv3d_pad1": ((2, 3, 4, 5, 2), (3, 3, 3, 2, 2), 1, 1, 1),
    "conv3d_stride2_pad1": ((1, 5, 7, 4, 2), (3, 3, 3, 2, 2), 2, 1, 1),
    "conv3d_mixed": ((1, 5, 6, 7, 2), (2, 3, 2, 2, 3), (1, 2, 3), (1, 0, 2), (2, 1, 1)),
}

# name: (shape of x, size, stride, pad); each is made once with maxima, once with averages
POOLINGS = {
    "pool1d": ((2, 9, 3), 2, 2, 0),
    "pool1d_size3_stride2": ((2, 10, 3), 3, 2, 0),
    "pool1d_size3_stride1_pad1": ((2, 9, 3), 3, 1, 1),
    "pool2d": ((2, 7, 5, 3), 2, 2, 0),
    "pool2d_size3_stride2": ((2, 7, 8, 2), 3, 2, 0),
    "pool2d_size3_stride1_pad1": ((2, 5, 6, 2), 3, 1, 1),
    "pool2d_mixed": ((1, 7, 9, 2), (2, 3), (3, 2), (1, 0)),
    "pool3d": ((1, 5, 7, 3, 2), 2, 2, 0),
    "pool3d_size3_stride2": ((1, 5, 7, 6, 2), 3, 2, 0),
    "pool3d_size3_stride1_pad1": ((1, 4, 5, 3, 2), 3, 1, 1),
}


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    np.savez_compressed(HERE / "vgg16.npz", **vgg16_arrays())
    np.savez_compressed(HERE / "layers.npz", **layer_arrays())


# ---- VGG-16: features, loss terms, pixel gradients


def vgg16_arrays():
    content = cut(PICTURES / "content" / "neuschwanstein.jpg", (96, 64), (37, 45), corner=(18, 20))
    style = cut(PICTURES / "styles" / "starry_night.jpg", (72, 56), (41, 33), corner=(4, 36))
    rng = np.random.default_rng(16)
    x = to_x(rng.uniform(0, 255, content.shape))
    params = read_params()

    arrays = {"content": content, "style": style, "x": x, "pools": np.array(POOLS)}
    content_features = {pool: features(torch.tensor(to_x(content)), params, pool) for pool in POOLS}
    style_features = {pool: features(torch.tensor(to_x(style)), params, pool) for pool in POOLS}
    arrays |= feature_arrays(content_features, rng)
    arrays["objectives"] = np.array(list(OBJECTIVES))
    for name, settings in OBJECTIVES.items():
        arrays |= {f"{name}/{key}": value for key, value in setting_arrays(settings).items()}
        for pool in POOLS:
            targets = content_features[pool], style_features[pool]
            found = objective_arrays(x, params, pool, targets, settings)
            arrays |= {f"{name}/{pool}/{key}": value for key, value in found.items()}
    return arrays


def cut(path, size, shape, corner):
    """Resize the picture to size (width, height), then cut shape (H, W) at corner (top, left)."""
    with Image.open(path) as picture:
        small = np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    (top, left), (height, width) = corner, shape
    return small[top : top + height, left : left + width].copy()


def to_x(image):
    """Turn RGB (H, W, 3), 0 to 255, into BGR (1, H, W, 3) minus the means."""
    return image[None, :, :, ::-1].astype(np.float64) - np.array(BGR_MEANS)


def read_params():
    """Read kernels as (C_out, C_in, kh, kw) and biases, both float64."""
    params = {}
    with h5py.File(WEIGHTS, "r") as file:
        for block, count in enumerate(CONVOLUTIONS_IN_BLOCK, start=1):
            for number in range(1, count + 1):
                group = file[f"block{block}_conv{number}"]
                kernel = torch.tensor(group["kernel"][:], dtype=torch.float64)
                bias = torch.tensor(group["bias"][:], dtype=torch.float64)
                params[f"conv{block}_{number}"] = kernel.permute(3, 2, 0, 1).contiguous(), bias
    return params


def features(x, params, pool):
    """Compute all layers from x (1, H, W, 3); each result is (1, C, H, W)."""
    pool_function = {"avg": F.avg_pool2d, "max": F.max_pool2d}[pool]
    found = {}
    a = x.permute(0, 3, 1, 2)
    for block, count in enumerate(CONVOLUTIONS_IN_BLOCK, start=1):
        for number in range(1, count + 1):
            kernel, bias = params[f"conv{block}_{number}"]
            a = found[f"conv{block}_{number}"] = F.conv2d(a, kernel, bias, padding=1)
            a = found[f"relu{block}_{number}"] = F.relu(a)
        a = found[f"pool{block}"] = pool_function(a, kernel_size=2, stride=2)
    return found


def feature_arrays(content_features, rng):
    layers = list(content_features[POOLS[0]])
    arrays = {"layers": np.array(layers)}
    for layer in layers:
        activations = {
            pool: content_features[pool][layer].permute(0, 2, 3, 1).numpy() for pool in POOLS
        }
        indices = pick_indices(activations.values(), rng)
        arrays[f"features/{layer}/indices"] = indices.astype(np.int32)
        for pool, a in activations.items():
            arrays[f"features/{layer}/{pool}/shape"] = np.array(a.shape)
            arrays[f"features/{layer}/{pool}/sum"] = a.sum()
            arrays[f"features/{layer}/{pool}/sum_of_squares"] = (a**2).sum()
            arrays[f"features/{layer}/{pool}/values"] = a.reshape(-1)[indices]
    return arrays


def pick_indices(activations, rng):
    """Pick flat indices, half of them where no activation is zero.

    In the deep layers nearly all values after a ReLU are zero, and zeros compare too easily.
    """
    nonzero = np.logical_and.reduce([a.reshape(-1) != 0 for a in activations])
    shuffled = rng.permutation(nonzero.size)
    first = shuffled[nonzero[shuffled]][: VALUES_PER_LAYER // 2]
    rest = np.setdiff1d(shuffled, first)
    others = rng.choice(rest, min(rest.size, VALUES_PER_LAYER - first.size), replace=False)
    return np.sort(np.concatenate([first, others]))


def setting_arrays(settings):
    arrays = {key: np.array(settings[key]) for key in ("alpha", "beta", "tv_weight")}
    for kind in ("content_layers", "style_layers"):
        arrays[f"{kind}/names"] = np.array(list(settings[kind]))
        arrays[f"{kind}/lambdas"] = np.array(list(settings[kind].values()))
    return arrays


def objective_arrays(x, params, pool, targets, settings):
    x = torch.tensor(x, requires_grad=True)
    terms = loss_terms(x, features(x, params, pool), *targets, settings)
    J = sum(terms.values())
    J.backward()
    return {
        "terms/names": np.array(list(terms)),
        "terms/values": np.array([term.item() for term in terms.values()]),
        "J": np.array(J.item()),
        "grad": x.grad.numpy(),
    }


def loss_terms(x, generated, content, style, settings):
    """Compute the terms of J, each with its coefficients, so that they add up to J."""
    terms = {}
    for layer, weight in settings["content_layers"].items():
        difference = content[layer] - generated[layer]
        terms[f"content/{layer}"] = settings["alpha"] * weight * 0.5 * (difference**2).sum()
    for layer, weight in settings["style_layers"].items():
        loss = style_loss(style[layer], generated[layer])
        terms[f"style/{layer}"] = settings["beta"] * weight * loss
    down = x[:, 1:, :, :] - x[:, :-1, :, :]
    right = x[:, :, 1:, :] - x[:, :, :-1, :]
    terms["tv"] = settings["tv_weight"] * ((down**2).sum() + (right**2).sum())
    return terms


def style_loss(style, generated):
    _, n_C, n_H, n_W = generated.shape
    _, _, style_H, style_W = style.shape
    # A Gram matrix is a sum over positions, so the style's is brought to as many positions.
    target = gram(style) * (n_H * n_W) / (style_H * style_W)
    return ((target - gram(generated)) ** 2).sum() / (2 * n_H * n_W * n_C) ** 2


def gram(a):
    return torch.einsum("nkij,nlij->kl", a, a)


# ---- single layers, forward and backward


def layer_arrays():
    rng = np.random.default_rng(17)
    made = {
        "conv": {name: convolution(*case, rng) for name, case in CONVOLUTIONS.items()},
        "max_pool": {f"max_{name}": pooling("max", *c, rng) for name, c in POOLINGS.items()},
        "avg_pool": {f"avg_{name}": pooling("avg", *c, rng) for name, c in POOLINGS.items()},
    }
    arrays = {}
    for group, cases in made.items():
        arrays[f"{group}_cases"] = np.array(list(cases))
        for name, case in cases.items():
            arrays |= {f"{name}/{key}": value for key, value in case.items()}
    return arrays


def convolution(x_shape, w_shape, stride, pad, dilation, rng):
    x = torch.tensor(rng.standard_normal(x_shape), requires_grad=True)
    w = torch.tensor(rng.standard_normal(w_shape), requires_grad=True)
    b = torch.tensor(rng.standard_normal(w_shape[-1]), requires_grad=True)
    function = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[len(w_shape)]
    kernel = w.movedim((-1, -2), (0, 1))
    out = function(x.movedim(-1, 1), kernel, b, stride=stride, padding=pad, dilation=dilation)
    out = out.movedim(1, -1)
    grad_out = torch.tensor(rng.standard_normal(out.shape))
    out.backward(grad_out)
    return {
        "stride": np.array(stride),
        "pad": np.array(pad),
        "dilation": np.array(dilation),
        "x": x.detach().numpy(),
        "w": w.detach().numpy(),
        "b": b.detach().numpy(),
        "out": out.detach().numpy(),
        "grad_out": grad_out.numpy(),
        "grad_x": x.grad.numpy(),
        "grad_w": w.grad.numpy(),
        "grad_b": b.grad.numpy(),
    }


def pooling(kind, x_shape, size, stride, pad, rng):
    # Distinct values: no tie, so the gradient of a maximum has one answer.
    steps = rng.permutation(np.prod(x_shape)).reshape(x_shape)
    x = torch.tensor(0.1 * steps - 0.05 * steps.size, requires_grad=True)
    function = getattr(F, f"{kind}_pool{len(x_shape) - 2}d")
    settings = {"kernel_size": size, "stride": stride, "padding": pad}
    if kind == "avg":
        settings["count_include_pad"] = False
    out = function(x.movedim(-1, 1), **settings).movedim(1, -1)
    grad_out = torch.tensor(rng.standard_normal(out.shape))
    out.backward(grad_out)
    return {
        "size": np.array(size),
        "stride": np.array(stride),
        "pad": np.array(pad),
        "x": x.detach().numpy(),
        "out": out.detach().numpy(),
        "grad_out": grad_out.numpy(),
        "grad_x": x.grad.numpy(),
    }


if __name__ == "__main__":
    main()
