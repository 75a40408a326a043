"""Texts, pictures, sound, video and bytes: real files in, codes out; edits that must stay near, tricks, bombs."""

from __future__ import annotations

import io
import struct
import subprocess
import wave
import zlib
from collections.abc import Callable
from pathlib import Path

import iscc_lib
import numpy as np
import pytest

from bailee.adapters import media
from bailee.errors import InputError
from bailee.own.fingerprints import Title, fingerprint, guess_kind
from bailee.own.fingerprints.codes import spelt
from bailee.own.near_copies import COPY, NEAR_COPY, UNRELATED, decide, scores

Image = pytest.importorskip("PIL.Image")

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "vault.md").read_text()
OTHER_TEXT = (ROOT / "docs" / "statements.md").read_text()


def _text(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_the_standards_own_vectors_hold() -> None:
    assert iscc_lib.conformance_selftest()


def test_codes_are_the_standards(tmp_path: Path) -> None:
    path = _text(tmp_path, "a.txt", TEXT)
    found = fingerprint(path, title=Title("Vault", "How it works"))
    assert (found.kind, found.extent) == ("text", iscc_lib.gen_text_code_v0(TEXT).characters)
    assert spelt(found) == [
        iscc_lib.gen_meta_code_v0("Vault", "How it works", bits=256).iscc,
        iscc_lib.gen_text_code_v0(TEXT, bits=256).iscc,
        iscc_lib.gen_data_code_v0(TEXT.encode(), bits=256).iscc,
        iscc_lib.gen_instance_code_v0(TEXT.encode(), bits=256).iscc,
    ]


TEXT_EDITS: list[tuple[str, Callable[[str], str]]] = [
    ("half", lambda text: text[: len(text) // 2]),
    ("one line of breaks", lambda text: text.replace("\n", " ")),
    ("capitals", str.upper),
    ("zero-width letters", "\u200b".join),
    ("accents on top", lambda text: text.replace("e", "e\u0301")),
    ("full-width letters", lambda text: text.translate({at: at + 0xFEE0 for at in range(0x41, 0x5B)})),
    ("look-alike letters", lambda text: text.translate(str.maketrans("aeopcyx", "аеорсух"))),
    ("turned direction", lambda text: "\u202e" + text + "\u202c"),
    ("every tenth word gone", lambda text: " ".join(w for at, w in enumerate(text.split(" ")) if at % 10)),
]


@pytest.mark.parametrize(("name", "edit"), TEXT_EDITS)
def test_edited_texts_stay_near(name: str, edit: Callable[[str], str], tmp_path: Path) -> None:
    original, copy = _text(tmp_path, "a.txt", TEXT), _text(tmp_path, "b.txt", edit(TEXT))
    decision, found = decide(fingerprint(copy), fingerprint(original))
    assert decision == NEAR_COPY, (name, found)


def test_other_texts_are_not_near_and_equal_ones_are_copies(tmp_path: Path) -> None:
    one, other = fingerprint(_text(tmp_path, "a.txt", TEXT)), fingerprint(_text(tmp_path, "b.txt", OTHER_TEXT))
    found = scores(one, other)
    assert found.subject < 0.3
    assert decide(one, fingerprint(_text(tmp_path, "c.txt", TEXT)))[0] == COPY


def test_short_texts_claim_nothing_of_their_content(tmp_path: Path) -> None:
    found = fingerprint(_text(tmp_path, "a.txt", "yes\n"))
    assert set(found.parts) == {"instance", "data"}
    with pytest.raises(InputError, match="is empty; there is nothing to fingerprint"):
        fingerprint(_text(tmp_path, "b.txt", ""))
    path = tmp_path / "c.txt"
    path.write_bytes(b"\xff\xfe\x00a")
    assert guess_kind(path) == "bytes"
    with pytest.raises(InputError, match="is not text in UTF-8; save it so"):
        fingerprint(path, "text")


def _picture() -> Image.Image:
    """Shapes of many sizes, unlike in every part."""
    rng = np.random.default_rng(3)
    canvas = np.full((360, 480, 3), 230, np.uint8)
    for _ in range(40):
        top, left = int(rng.integers(0, 330)), int(rng.integers(0, 440))
        canvas[top : top + int(rng.integers(20, 140)), left : left + int(rng.integers(20, 140))] = rng.integers(
            0, 255, 3
        )
    return Image.fromarray(canvas)


IMAGE_EDITS: list[tuple[str, Callable[[Image.Image, Path], None]]] = [
    ("jpeg", lambda picture, path: picture.save(path.with_suffix(".jpg"), quality=40)),
    ("small", lambda picture, path: picture.resize((160, 120)).save(path)),
    ("grey", lambda picture, path: picture.convert("L").save(path)),
    ("cropped corner", lambda picture, path: picture.crop((0, 0, 390, 290)).save(path)),
    ("transparent", lambda picture, path: picture.convert("RGBA").save(path)),
    ("palette", lambda picture, path: picture.quantize(64).save(path)),
    ("gif", lambda picture, path: picture.save(path.with_suffix(".gif"))),
    ("tiff", lambda picture, path: picture.save(path.with_suffix(".tiff"))),
    ("webp", lambda picture, path: picture.save(path.with_suffix(".webp"))),
]


@pytest.mark.parametrize(("name", "edit"), IMAGE_EDITS)
def test_edited_pictures_stay_near(name: str, edit: Callable[[Image.Image, Path], None], tmp_path: Path) -> None:
    _picture().save(tmp_path / "a.png")
    (tmp_path / "copies").mkdir()
    edit(_picture(), tmp_path / "copies" / "b.png")
    (copy,) = (tmp_path / "copies").iterdir()
    assert guess_kind(copy) == "image"
    decision, found = decide(fingerprint(copy), fingerprint(tmp_path / "a.png"))
    assert decision == NEAR_COPY, (name, found)


def test_a_frame_around_a_picture_is_seen_through(tmp_path: Path) -> None:
    picture = _picture()
    framed = Image.new("RGB", (700, 500), "navy")
    framed.paste(picture, (100, 40))
    picture.save(tmp_path / "a.png")
    framed.save(tmp_path / "b.png")
    assert scores(fingerprint(tmp_path / "b.png"), fingerprint(tmp_path / "a.png")).subject == 1.0


def test_an_even_picture_claims_no_content(tmp_path: Path) -> None:
    Image.new("RGB", (300, 300), "red").save(tmp_path / "a.png")
    Image.new("RGB", (40, 90), "white").save(tmp_path / "b.png")
    one, other = fingerprint(tmp_path / "a.png"), fingerprint(tmp_path / "b.png")
    assert "content" not in one.parts
    assert decide(one, other)[0] == UNRELATED


def test_exif_turns_do_not_matter(tmp_path: Path) -> None:
    picture = _picture()
    picture.save(tmp_path / "a.png")
    turned = picture.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    turned.save(tmp_path / "b.jpg", exif=exif, quality=95)
    assert scores(fingerprint(tmp_path / "b.jpg"), fingerprint(tmp_path / "a.png")).subject > 0.8


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims any size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def test_bombs_and_broken_pictures_are_refused_before_they_unpack(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_bomb(12_000, 12_000))
    with pytest.raises(InputError, match="claims 12000 x 12000 pixels; at most 120000000 are unpacked"):
        fingerprint(path)
    path.write_bytes(_bomb(60_000, 60_000))
    with pytest.raises(InputError, match="claims more pixels than the 120000000 that are unpacked"):
        fingerprint(path)
    path.write_bytes(_bomb(200, 200))
    with pytest.raises(InputError, match="not readable as a picture"):
        fingerprint(path)
    good = io.BytesIO()
    _picture().save(good, "PNG")
    for size in (20, 60, len(good.getvalue()) // 2):
        path.write_bytes(good.getvalue()[:size])
        with pytest.raises(InputError, match="not readable as a picture"):
            fingerprint(path)


# --- sound and video


@pytest.fixture
def ffmpeg() -> str:
    try:
        return media.program()
    except InputError as error:
        pytest.skip(str(error))


def _sound(path: Path, seed: int, seconds: int = 8) -> None:
    """Notes that change twice a second."""
    rng = np.random.default_rng(seed)
    rate, parts = 16_000, []
    for _ in range(2 * seconds):
        at = np.arange(rate // 2) / rate
        parts.append(sum(np.sin(2 * np.pi * note * at) for note in rng.uniform(110, 1600, 3)) / 3)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.concatenate(parts) * 20_000).astype("<i2").tobytes())


def test_sound_stays_near_through_mp3_and_is_told_apart(ffmpeg: str, tmp_path: Path) -> None:
    _sound(tmp_path / "a.wav", 1)
    _sound(tmp_path / "c.wav", 2)
    quiet = [ffmpeg, "-nostdin", "-loglevel", "error", "-i", str(tmp_path / "a.wav")]
    subprocess.run([*quiet, "-af", "volume=0.6", "-b:a", "64k", str(tmp_path / "b.mp3")], check=True)
    one, copy, other = (fingerprint(tmp_path / name) for name in ("a.wav", "b.mp3", "c.wav"))
    assert one.kind == copy.kind == "audio"
    assert 4000 < one.extent < 8000
    assert decide(copy, one)[0] == NEAR_COPY
    assert decide(other, one)[0] == UNRELATED


def test_silence_claims_no_content(ffmpeg: str, tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 8))
    assert "content" not in fingerprint(tmp_path / "a.wav").parts


def test_video_stays_near_through_another_codec(ffmpeg: str, tmp_path: Path) -> None:
    quiet = [ffmpeg, "-nostdin", "-loglevel", "error"]
    made = ["-f", "lavfi", "-i", "testsrc2=d=4:s=320x240:r=10"]
    subprocess.run([*quiet, *made, "-c:v", "mpeg4", "-q:v", "3", str(tmp_path / "a.mp4")], check=True)
    worse = ["-vf", "scale=200:150", "-c:v", "mpeg4", "-q:v", "12", str(tmp_path / "b.mkv")]
    subprocess.run([*quiet, "-i", str(tmp_path / "a.mp4"), *worse], check=True)
    other = ["-f", "lavfi", "-i", "mandelbrot=s=320x240:r=10", "-t", "4", "-c:v", "mpeg4", str(tmp_path / "c.avi")]
    subprocess.run([*quiet, *other], check=True)
    one, copy, stranger = (fingerprint(tmp_path / name) for name in ("a.mp4", "b.mkv", "c.avi"))
    assert (one.kind, copy.kind, stranger.kind, one.extent) == ("video", "video", "video", 4000)
    assert decide(copy, one)[0] == NEAR_COPY
    assert decide(stranger, one)[0] == UNRELATED


def test_files_that_only_claim_to_be_media_are_refused(ffmpeg: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\xff\xff\xff\x7fWAVEfmt " + bytes(40))
    with pytest.raises(InputError, match="was not readable as sound for ffmpeg"):
        fingerprint(path)
    path.write_bytes(b"#EXTM3U\nfile:///etc/passwd\nhttp://127.0.0.1:1/x\n" * 20)
    with pytest.raises(InputError, match="was not readable as video for ffmpeg"):
        fingerprint(path, "video")


def test_without_ffmpeg_the_way_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media.program.cache_clear()
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    _sound(tmp_path / "a.wav", 1, 1)
    with pytest.raises(InputError, match="read by the program ffmpeg, which is not here; install it"):
        fingerprint(tmp_path / "a.wav")
    assert fingerprint(tmp_path / "a.wav", "bytes").extent == 16_000 * 2 + 44
    media.program.cache_clear()


def test_kinds_and_paths_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = _text(tmp_path, "a.txt", TEXT)
    with pytest.raises(InputError, match="expected a kind of text, image, audio, video, bytes, table, got 'film'"):
        fingerprint(path, "film")
    with pytest.raises(InputError, match="only tables can be fingerprinted under a key; withhold"):
        fingerprint(path, key=bytes(32))
    with pytest.raises(InputError, match="does not exist; check the path"):
        fingerprint(tmp_path / "missing")
    with pytest.raises(InputError, match="got a directory; fingerprint its files one by one"):
        fingerprint(tmp_path)
