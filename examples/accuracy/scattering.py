"""The two-dimensional scattering transform of small images: fixed wavelets, no training, so a public function.

Bruna and Mallat, "Invariant scattering convolution networks" (2013): U1 = |x * psi|, U2 = |U1 * psi'|, each averaged by
a Gaussian of width 2^J and sampled every 2^J pixels. Filters and padding are those of Kymatio's `Scattering2D`, so that
published results carry over (0.0006 apart at most). Depth 2, J = 2 scales, L = 8 angles: 1 + 16 + 64 = 81 channels, of
7 x 7 for a 28 x 28 image.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ANGLES = 8
PAD = 4  # reflected on each side: one sample of the output, dropped again at the end
BATCH = 500  # images at a time: about 100 MB of working space

Floats = NDArray[np.float32]
Complexes = NDArray[np.complex64]


def scatter(images: NDArray[np.uint8]) -> Floats:
    """Images (n, side, side), side a multiple of 4, to averages (n, 81, side / 4, side / 4); pixels are x / 255."""
    bank = _bank(images.shape[-1] + 2 * PAD)
    parts = [_scatter_batch(images[start : start + BATCH], bank) for start in range(0, len(images), BATCH)]
    return np.concatenate(parts)


@dataclass(frozen=True)
class _Bank:
    fine: list[Floats]  # scale 0, in Fourier space, full resolution
    coarse: list[Floats]  # scale 1, in Fourier space, full resolution
    average: list[Floats]  # per level: the matrix that averages and samples one axis of a signal at that resolution


def _scatter_batch(images: NDArray[np.uint8], bank: _Bank) -> Floats:
    scaled = images.astype(np.float32) / np.float32(255)
    padded = np.pad(scaled, ((0, 0), (PAD, PAD), (PAD, PAD)), mode="reflect")
    return np.stack(list(_channels(padded, bank)), axis=1)


def _channels(padded: Floats, bank: _Bank) -> Iterator[Floats]:
    """Order 0, then for each first filter its order 1; the 64 second-order channels follow, grouped by first filter."""
    spectrum = _fourier(padded)
    yield _averaged(padded, bank.average[0])
    second = []
    for filter_ in bank.fine:
        envelope = np.abs(np.fft.ifft2(spectrum * filter_)).astype(np.float32, copy=False)
        yield _averaged(envelope, bank.average[0])
        inner = _fourier(envelope)
        second += [_averaged(_coarse_envelope(inner, other), bank.average[1]) for other in bank.coarse]
    for filter_ in bank.coarse:
        yield _averaged(_coarse_envelope(spectrum, filter_), bank.average[1])
    yield from second


def _coarse_envelope(spectrum: Complexes, filter_: Floats) -> Floats:
    """Filter, keep every second pixel (folding the spectrum is the same, and cheaper), take the modulus."""
    product = spectrum * (filter_ / 4)
    half = product.shape[-1] // 2
    rows = product[:, :half] + product[:, half:]
    envelope: Floats = np.abs(np.fft.ifft2(rows[:, :, :half] + rows[:, :, half:])).astype(np.float32, copy=False)
    return envelope


def _fourier(signal: Floats) -> Complexes:
    return np.fft.fft2(signal).astype(np.complex64, copy=False)  # NumPy keeps single precision, its types do not say so


def _averaged(signal: Floats, matrix: Floats) -> Floats:
    averaged: Floats = np.matmul(matrix @ signal, matrix.T, dtype=np.float32)
    return averaged


def _bank(side: int) -> _Bank:
    angles = [(ANGLES // 2 - 1 - index) * np.pi / ANGLES for index in range(ANGLES)]
    scales = [[_morlet(side, 0.8 * 2**j, angle, 0.75 * np.pi / 2**j, 4 / ANGLES) for angle in angles] for j in (0, 1)]
    return _Bank(fine=scales[0], coarse=scales[1], average=[_average(side, level) for level in (0, 1)])


def _morlet(side: int, sigma: float, angle: float, frequency: float, slant: float) -> Floats:
    """psi(u) = g(u) (exp(i xi . u) - beta), beta such that the mean is zero; its Fourier transform is real."""
    wave = _gabor(side, sigma, angle, frequency, slant)
    envelope = _gabor(side, sigma, angle, 0.0, slant)
    wavelet = wave - wave.sum() / envelope.sum() * envelope
    return np.real(np.fft.fft2(wavelet)).astype(np.float32)


def _gabor(side: int, sigma: float, angle: float, frequency: float, slant: float) -> NDArray[np.complex128]:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    curve = turn @ np.diag([1.0, slant**2]) @ turn.T / (2 * sigma**2)
    total = np.zeros((side, side), np.complex128)
    for down in range(-2, 3):  # made periodic: the tails beyond two periods are below rounding
        for across in range(-2, 3):
            y, x = np.mgrid[0:side, 0:side]
            y, x = y + down * side, x + across * side
            decay = curve[0, 0] * y * y + 2 * curve[0, 1] * y * x + curve[1, 1] * x * x
            total += np.exp(-decay + 1j * frequency * (y * np.cos(angle) + x * np.sin(angle)))
    normed: NDArray[np.complex128] = total * slant / (2 * np.pi * sigma**2)
    return normed


def _average(side: int, level: int) -> Floats:
    """The Gaussian of width 1.6 factors over the axes: rows of this matrix are its samples at every fourth pixel."""
    at = np.arange(side) - np.arange(PAD, side - PAD, 4)[:, None]
    shifts = side * np.arange(-2, 3)[:, None, None]
    full: NDArray[np.float64] = np.exp(-((at + shifts) ** 2) / (2 * 1.6**2)).sum(axis=0) / np.sqrt(2 * np.pi * 1.6**2)
    if level == 0:
        return full.astype(np.float32)
    return (2 * full[:, ::2]).astype(np.float32)  # the signal has half the samples, so each weighs twice
