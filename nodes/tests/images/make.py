"""Makes the files beside this one, and prints what Pillow reads from them. Needs pillow: python make.py

A picture here is four fields, top left to bottom right, of 8 x 8 pixels (8 x 8 of 16 x 16 where chroma is halved)."""
import io
import struct
import zlib
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent


def fields(mode, colors, side=8):
    image = Image.new(mode, (2 * side, 2 * side))
    for i, color in enumerate(colors):
        image.paste(color, (i % 2 * side, i // 2 * side, (i % 2 + 1) * side, (i // 2 + 1) * side))
    return image


def show(name):
    image = Image.open(HERE / name)
    w, h = image.size
    spots = [(w // 4, h // 4), (3 * w // 4, h // 4), (w // 4, 3 * h // 4), (3 * w // 4, 3 * h // 4)]
    converted = image.convert("RGBA" if "A" in image.mode else "RGB")
    print(f"{name:18} {image.mode:5} {w}x{h}", [converted.getpixel(spot) for spot in spots])


def main():
    rgb = [(200, 30, 60), (20, 180, 40), (10, 60, 220), (240, 240, 200)]
    inks = [(10, 200, 150, 20), (220, 40, 180, 60), (250, 160, 0, 30), (0, 0, 0, 128)]
    fields("CMYK", inks).save(HERE / "cmyk.jpg", quality=95)
    data = bytearray((HERE / "cmyk.jpg").read_bytes())
    adobe = data.index(b"Adobe")
    assert data[adobe + 11] == 0  # the transform of the Adobe segment: 0 is CMYK, 2 is YCCK
    data[adobe + 11] = 2
    (HERE / "ycck.jpg").write_bytes(data)
    fields("RGB", rgb).save(HERE / "baseline.jpg", quality=95, subsampling=0)
    fields("RGB", rgb, 16).save(HERE / "progressive.jpg", quality=95, progressive=True, subsampling=2)
    fields("L", [0, 80, 160, 255]).save(HERE / "gray.jpg", quality=95)
    fields("RGB", rgb, 16).save(HERE / "lossy.webp", quality=95)
    rgba = [color + (alpha,) for color, alpha in zip(rgb, (255, 128, 0, 64))]
    fields("RGBA", rgba).save(HERE / "alpha.webp", lossless=True, exact=True)
    first, second = fields("RGB", rgb), fields("RGB", rgb[::-1])
    first.save(HERE / "animated.webp", save_all=True, append_images=[second], lossless=True)
    halves = [struct.pack("<8H8H", *[left] * 8, *[right] * 8) * 8 for left, right in [(0, 1), (32768, 65535)]]
    Image.frombytes("I;16", (16, 16), b"".join(halves)).save(HERE / "gray16.tif")
    fields("CMYK", inks).save(HERE / "cmyk.tif", compression="tiff_deflate")

    # An interlaced PNG, which Pillow does not write: gray 8 x 8 with the value 8 * y + x, passes of Adam7.
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = b"".join(
        b"\0" + bytes(8 * y + x for x in range(x0, 8, dx)) for x0, y0, dx, dy in passes for y in range(y0, 8, dy)
    )
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 1)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    with io.open(HERE / "interlaced.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in chunks:
            file.write(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
    assert list(Image.open(HERE / "interlaced.png").tobytes()) == list(range(64))

    for path in sorted(HERE.glob("*.*")):
        if path.suffix != ".py":
            show(path.name)


main()
