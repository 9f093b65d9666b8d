"""Makes the JPEG files beside this one, and SHA256SUMS: what Pillow (libjpeg-turbo) reads from each, as RGB bytes.
Needs pillow and numpy: python make.py"""
import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
NOISE = np.random.default_rng(7)


def picture(width, height):
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([128 + 100 * np.sin(x / 3.1 + y / 9), 128 + 90 * np.cos(y / 2.3), 40 + 3 * x + 2 * y], -1)
    return Image.fromarray(np.clip(waves + NOISE.normal(0, 18, waves.shape), 0, 255).astype("u1"))


def main():
    large = picture(37, 29)
    gray = large.convert("L")
    files = {
        "420": (large, dict(quality=80, subsampling="4:2:0")),
        "422": (large, dict(quality=80, subsampling="4:2:2")),
        "444": (large, dict(quality=80, subsampling="4:4:4")),
        "420_progressive": (large, dict(quality=85, subsampling="4:2:0", progressive=True)),
        "422_progressive_restart": (large, dict(quality=60, subsampling="4:2:2", progressive=True, restart_marker_blocks=2)),
        "420_restart": (large, dict(quality=90, subsampling="4:2:0", restart_marker_rows=1)),
        "420_optimised_low": (large, dict(quality=5, subsampling="4:2:0", optimize=True)),
        "gray": (gray, dict(quality=75)),
        "gray_progressive": (gray, dict(quality=75, progressive=True)),
        "cmyk": (large.convert("CMYK"), dict(quality=80)),
        "rgb": (large, dict(quality=80, keep_rgb=True)),
        "420_narrow": (picture(3, 9), dict(quality=80, subsampling="4:2:0")),
        "420_one": (picture(1, 1), dict(quality=80, subsampling="4:2:0")),
        "420_even": (picture(32, 16), dict(quality=95, subsampling="4:2:0")),
    }
    sums = []
    for name, (image, options) in files.items():
        path = HERE / f"{name}.jpg"
        image.save(path, **options)
        pixels = np.asarray(Image.open(path).convert("RGB")).tobytes()
        sums.append(f"{hashlib.sha256(pixels).hexdigest()}  {path.name}\n")
    (HERE / "SHA256SUMS").write_text("".join(sums))


main()
