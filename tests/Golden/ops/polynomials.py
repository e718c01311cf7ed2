"""Minimax coefficients of src/Coppice.Tensors/Kernels/VectorMath.cs: run with numpy, prints each set and its largest error."""
from math import erf, erfc

import numpy as np


def fit(name, f, degree, x, weight):
    """Coefficients, constant first, of the polynomial that minimises max |weight * (p - f)| (Lawson's reweighted least squares)."""
    y, basis, lawson = f(x), np.vander(x, degree + 1, increasing=True), np.full(x.shape, 1 / x.size)
    for _ in range(60):
        w = np.sqrt(lawson) * weight
        c = np.linalg.lstsq(basis * w[:, None], y * w, rcond=None)[0]
        error = np.abs((basis @ c - y) * weight)
        lawson *= error / error.max() + 1e-12
        lawson /= lawson.sum()
    print(name, [float(np.float32(v)) for v in c], "largest error", error.max())


def nodes(low, high, count=3000):
    return (low + high) / 2 + (high - low) / 2 * np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))


v_erf, v_erfc = np.vectorize(erf), np.vectorize(erfc)
r = nodes(-0.3466, 0.3466)
fit("exp: 1 + r + r^2 p(r)", lambda r: (np.exp(r) - 1 - r) / r**2, 4, r, r**2 / np.exp(r))
x = nodes(1e-3, 0.625)
fit("tanh: x + x z p(z), z = x^2", lambda z: (np.tanh(np.sqrt(z)) / np.sqrt(z) - 1) / z, 4, x**2, x**3 / np.tanh(x))
x = nodes(1e-3, 1.0)
fit("erf: x p(z), z = x^2", lambda z: v_erf(np.sqrt(z)) / np.sqrt(z), 6, x**2, x / v_erf(x))
x = nodes(0.99, 4.0)
fit("ln erfc: p(x)", lambda x: np.log(v_erfc(x)), 6, x, v_erfc(x))
