#!/usr/bin/python3
"""Makes decoding.golden.json: small files written by PIL and what PIL reads back from them (Debian 12: python3-pil 9.4, libjpeg-turbo 2.1.5).

  make_decoding_goldens.py > decoding.golden.json
"""
import base64, hashlib, io, json, warnings
import numpy as np
from PIL import Image, ImageOps

warnings.simplefilter("ignore")


def picture(width, height):
    """Slopes, an edge and a little noise, so that rounding and chroma upsampling show."""
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([x * 255 // max(1, width - 1), y * 255 // max(1, height - 1), (x * y * 7 + 40 * (x > width // 2)) % 256], 2)
    return Image.fromarray(rgb.astype(np.uint8))


def save(image, kind, **options):
    to = io.BytesIO()
    image.save(to, kind, **options)
    return to.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[274] = orientation
    return tags.tobytes()


def without_segment(jpeg, marker):
    at = jpeg.index(bytes([0xFF, marker]))
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2:at + 4], "big"):]


rgb = picture(29, 21)
alpha = rgb.copy()
alpha.putalpha(Image.linear_gradient("L").resize(rgb.size))
gray_alpha = rgb.convert("L")
gray_alpha.putalpha(Image.linear_gradient("L").resize(rgb.size))
palette = rgb.quantize(17)


def gif_frame_at(gif, left, top):
    """Moves the first frame; a reader has to make the screen larger, and to fill the rest of it."""
    at = gif.index(b",", 13 + (3 << (gif[10] & 7) + 1))
    return gif[:at + 1] + bytes([left, 0, top, 0]) + gif[at + 5:]


files = {
    "jpeg 4:2:0": save(rgb, "JPEG", quality=85),
    "jpeg 4:2:2": save(rgb, "JPEG", quality=85, subsampling=1),
    "jpeg 4:4:4": save(rgb, "JPEG", quality=95, subsampling=0),
    "jpeg progressive": save(rgb, "JPEG", quality=85, progressive=True),
    "jpeg gray": save(rgb.convert("L"), "JPEG"),
    "jpeg cmyk": save(rgb.convert("CMYK"), "JPEG"),
    "jpeg cmyk without the Adobe segment": without_segment(save(rgb.convert("CMYK"), "JPEG"), 0xEE),
    "png rgb": save(rgb, "PNG"),
    "png rgb and alpha": save(alpha, "PNG"),
    "png gray and alpha": save(gray_alpha, "PNG"),
    "png palette": save(palette, "PNG"),
    "png palette with a transparent colour": save(palette, "PNG", transparency=3),
    "png 1-bit": save(rgb.convert("1"), "PNG"),
    "png with a colour profile": save(rgb, "PNG", icc_profile=bytes(200)),
    "webp lossless": save(rgb, "WEBP", lossless=True),
    "webp lossy": save(rgb, "WEBP", quality=80),
    "webp with alpha": save(alpha, "WEBP", lossless=True, exact=True),
    "webp animated": save(rgb, "WEBP", save_all=True, append_images=[ImageOps.invert(rgb)], lossless=True),
    "gif": save(palette, "GIF"),
    "gif interlaced": save(rgb.quantize(200), "GIF", interlace=1),
    "gif not interlaced": save(rgb.quantize(200), "GIF", interlace=0),
    "gif with a transparent colour": save(palette, "GIF", transparency=3),
    "gif gray": save(rgb.convert("L"), "GIF"),
    "gif whose frame reaches beyond the screen": gif_frame_at(save(palette, "GIF"), 4, 2),
    "gif with a transparent colour whose frame reaches beyond the screen": gif_frame_at(save(palette, "GIF", transparency=3), 1, 7),
    "gif animated": save(palette, "GIF", save_all=True, append_images=[ImageOps.invert(rgb).quantize(17)]),
    "tiff": save(rgb, "TIFF"),
    "tiff lzw": save(rgb, "TIFF", compression="tiff_lzw"),
    "tiff cmyk": save(rgb.convert("CMYK"), "TIFF"),
    "tiff turned (its orientation is always honoured)": save(rgb, "TIFF", tiffinfo={274: 6}),
    "bmp 24-bit": save(rgb, "BMP"),
    "bmp 8-bit palette": save(palette, "BMP"),
    "bmp 32-bit": save(alpha, "BMP"),
    "bmp 1-bit": save(rgb.convert("1"), "BMP"),
    **{f"jpeg orientation {n}": save(picture(13, 9), "JPEG", exif=exif(n)) for n in range(1, 9)},
    "png orientation 5": save(picture(13, 9), "PNG", exif=exif(5)),
    "webp orientation 8": save(picture(13, 9), "WEBP", exif=exif(8)),
}


def answer(image):
    image = image.convert("RGB")
    return {"width": image.width, "height": image.height, "sha256": hashlib.sha256(image.tobytes()).hexdigest()}


goldens = []
for name, file in files.items():
    golden = {"name": name, "file": base64.b64encode(file).decode(), "asStored": answer(Image.open(io.BytesIO(file)))}
    if "orientation" in name and not name.startswith("tiff"):
        golden["upright"] = answer(ImageOps.exif_transpose(Image.open(io.BytesIO(file))))
    goldens.append(golden)
print(json.dumps(goldens, indent=1))
