"""Drawn images, made from a seed and nobody's data: strokes, blobs and silhouettes on a black ground.

Their second moments say which directions of the scattering space small centred pictures use at all. `features.py`
whitens with them, in place of statistics of the private set, which would cost privacy. No number here was computed from
a data set; the three families were chosen by people who know what digits and clothes look like.
"""

import numpy as np
from numpy.typing import NDArray

SIDE = 28
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float64)
CENTRE = (SIDE - 1) / 2
LINE = np.arange(SIDE, dtype=np.float64)
Floats = NDArray[np.float64]


def draw(family: str, count: int, seed: int) -> NDArray[np.uint8]:
    """`count` images (count, 28, 28) of one family: strokes, blobs or silhouettes."""
    painter = {"strokes": _strokes, "blobs": _blobs, "silhouettes": _silhouette}[family]
    source = np.random.default_rng([seed, len(family)])
    images = np.stack([painter(source) for _ in range(count)])
    return np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)


def _strokes(source: np.random.Generator) -> Floats:
    """One to three cubic Bezier curves of one pen."""
    image = np.zeros((SIDE, SIDE))
    pen = source.uniform(0.9, 1.9)
    at = np.linspace(0, 1, 40)[:, None]
    for _ in range(source.integers(1, 4)):
        a, b, c, d = source.uniform(5, 23, (4, 2)) * [1, 0.8] + [0, 2.8]  # drawn upright: taller than wide
        curve = (1 - at) ** 3 * a + 3 * (1 - at) ** 2 * at * b + 3 * (1 - at) * at**2 * c + at**3 * d
        distance = np.hypot(ROWS[..., None] - curve[:, 0], COLUMNS[..., None] - curve[:, 1]).min(axis=-1)
        image = np.maximum(image, 1 / (1 + np.exp(3 * (distance - pen))))
    return image


def _blobs(source: np.random.Generator) -> Floats:
    """One to four rounded shapes, each over the last, with a texture of its own."""
    image = np.zeros((SIDE, SIDE))
    for layer in range(source.integers(1, 5)):
        row, column = source.uniform(6, 22, 2) if layer else (CENTRE, CENTRE)
        turn = 0.0 if source.random() < 0.6 else source.uniform(0, np.pi)
        along, across = source.uniform(2, 13, 2)
        x = ((COLUMNS - column) * np.cos(turn) + (ROWS - row) * np.sin(turn)) / along
        y = ((ROWS - row) * np.cos(turn) - (COLUMNS - column) * np.sin(turn)) / across
        corner = source.choice([2, 4, 10])
        grey = source.uniform(0, 1) if layer else source.uniform(0.3, 1)
        shade = np.clip(grey + source.uniform(0, 0.25) * _texture(source, source.uniform(0.3, 1.5)), 0, 1)
        image = np.where(np.abs(x) ** corner + np.abs(y) ** corner < 1, shade, image)
    return image


def _silhouette(source: np.random.Generator) -> Floats:
    """A width for each row, mirrored about an axis that may lean; sometimes with a gap, sometimes on its side."""
    top = source.uniform(0, 6) if source.random() < 0.7 else source.uniform(4, 12)
    bottom = SIDE - top if source.random() < 0.7 else SIDE - source.uniform(0, 10)
    width = source.uniform(3, 13) + _walk(source, source.uniform(0.1, 0.8))
    for _ in range(source.integers(0, 3)):
        start, end = np.sort(source.uniform(0, SIDE, 2))
        width = width + np.where((start < LINE) & (end > LINE), source.uniform(-7, 7), 0)
    gap = _gap(source) if source.random() < 0.35 else np.zeros(SIDE)
    lean = 0.0 if source.random() < 0.6 else source.uniform(-0.3, 0.3)
    reach = np.abs(COLUMNS - CENTRE - lean * (ROWS - CENTRE))
    inside = _edge(np.clip(width, 0.5, 14)[:, None] - reach) * _edge(reach - gap[:, None])
    inside = inside * _edge(ROWS - top) * _edge(bottom - ROWS)
    texture = _texture(source, source.uniform(0, 1.5))
    if source.random() < 0.6:
        texture = (texture + texture[:, ::-1]) / np.sqrt(2)
    folds = _walk(source, 0.06)[None, :] * source.integers(0, 2) + _walk(source, 0.06)[:, None] * source.integers(0, 2)
    grey = source.uniform(0.1, 1) + folds + texture * source.uniform(0, 0.25) * source.random()
    image: Floats = inside * np.clip(grey, 0.02, 1)
    side = source.random()
    if side < 0.3:
        image = image.T
    return image[::-1] if side < 0.1 else image


def _gap(source: np.random.Generator) -> Floats:
    """Half-widths of an opening: from some row down and widening, or at the top only."""
    start = source.uniform(0, 20)
    if source.random() < 0.6:
        return np.where(start < LINE, source.uniform(0, 3) + source.uniform(0, 0.2) * (LINE - start), 0)
    return np.where(start / 2 > LINE, source.uniform(0, 4), 0)


def _edge(distance: Floats) -> Floats:
    edge: Floats = np.clip(distance + 0.5, 0, 1)
    return edge


def _walk(source: np.random.Generator, step: float) -> Floats:
    path = np.cumsum(source.standard_normal(SIDE) * step)
    centred: Floats = path - path.mean()
    return centred


def _texture(source: np.random.Generator, roughness: float) -> Floats:
    """Noise of unit variance whose amplitude falls as frequency to the power `roughness`."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = 1
    noise = np.real(np.fft.ifft2(np.fft.fft2(source.standard_normal((SIDE, SIDE))) / frequency**roughness))
    scaled: Floats = noise / noise.std()
    return scaled
