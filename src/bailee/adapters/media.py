"""Sound and moving pictures, through the program `ffmpeg`: what their fingerprints are made of.

ffmpeg is no dependency: it is found on the PATH, or inside the wheel of `imageio-ffmpeg` (extra `media`). Builds of it
are under the GPL; it runs as a program of its own, and nothing is linked. It must have Chromaprint (for sound) and
the filter `signature` (MPEG-7, for video), which Debian's and that wheel's have.

Media files are hostile until shown otherwise: the program gets a time limit, a memory limit, no network and no input
but the file, and what it prints is cut at a bound.
"""

from __future__ import annotations

import importlib
import re
import resource
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.errors import InputError

Signs: TypeAlias = NDArray[np.int32]
_SECONDS = 600
_MEMORY = 4 << 30
_MOST_BYTES = 256 << 20
_MOST_MEDIA_SECONDS = 4 * 3600
FRAMES_A_SECOND = 5
_SIGNATURE = re.compile(rb"<FrameSignature>([0-2\s]{380,4096})</FrameSignature>")
SIGNATURE_SIZE = 380


@cache
def program() -> str:
    """Path of ffmpeg. InputError where there is none."""
    found = shutil.which("ffmpeg")
    if found is None:
        try:
            imageio_ffmpeg = importlib.import_module("imageio_ffmpeg")
        except ImportError:
            pass
        else:
            found = str(imageio_ffmpeg.get_ffmpeg_exe())
    if found is None:
        raise InputError(
            "sound and video are read by the program ffmpeg, which is not here; install it, or: pip install "
            "'bailee[media]' (GPL builds); or take the fingerprint of the bytes alone (--kind bytes)"
        )
    return found


def chroma_features(path: Path) -> list[int]:
    """Chromaprint's features of the first sound track, signed 32-bit, about eight a second. Empty below 3 s or so."""
    with tempfile.TemporaryDirectory(prefix="bailee-") as folder:
        target = Path(folder) / "features"
        _run(path, ["-map", "0:a:0", "-f", "chromaprint", "-fp_format", "raw", str(target)], "sound")
        data = target.read_bytes()[:_MOST_BYTES]
    return [int(word) for word in np.frombuffer(data[: len(data) // 4 * 4], "<i4")]


def frame_signatures(path: Path) -> Signs:
    """MPEG-7 frame signatures at FRAMES_A_SECOND, an array (frames, 380) of 0, 1, 2."""
    with tempfile.TemporaryDirectory(prefix="bailee-") as folder:
        target = Path(folder) / "signatures"
        filters = f"fps={FRAMES_A_SECOND},scale='min(640,iw)':-2,signature=format=xml:filename={target}"
        _run(path, ["-map", "0:v:0", "-vf", filters, "-f", "null", "-"], "video")
        with target.open("rb") as file:
            data = file.read(_MOST_BYTES)
    frames = _frames(data)
    return np.array(frames, np.int32).reshape(len(frames), SIGNATURE_SIZE)


def _frames(data: bytes) -> list[list[int]]:
    frames = []
    for match in _SIGNATURE.finditer(data):
        signs = [int(sign) for sign in match.group(1).split()]
        if len(signs) == SIGNATURE_SIZE:
            frames.append(signs)
    return frames


def _run(path: Path, arguments: list[str], what: str) -> None:
    safe = ["-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file"]
    source = ["-t", str(_MOST_MEDIA_SECONDS), "-i", f"file:{path.resolve()}"]
    try:
        done = subprocess.run(
            [program(), *safe, *source, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_SECONDS,
            preexec_fn=_limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"ffmpeg took more than {_SECONDS} s over {path}; nothing was made of it") from None
    except OSError as error:
        raise InputError(f"ffmpeg could not be started ({error.strerror}); install it anew") from None
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        said = next((line for line in lines if line), "it said nothing")[:200]
        raise InputError(f"{path} was not readable as {what} for ffmpeg: {said}")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_BYTES, _MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
