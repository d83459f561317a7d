"""Changes pictures as copies change on their way: change_pictures.py OUT PICTURE...

Writes for each picture OUT/reencoded_N, OUT/halved_N, OUT/cropped_N and OUT/flipped_N, N counted from 0. Needs Debian's python3-pil.
"""
import sys

from PIL import Image, ImageOps

out, pictures = sys.argv[1], sys.argv[2:]
for number, path in enumerate(pictures):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    x, y = round(0.03 * width), round(0.03 * height)
    image.save(f"{out}/reencoded_{number}.jpg", quality=60)
    image.resize((width // 2, height // 2), Image.BILINEAR).save(f"{out}/halved_{number}.jpg", quality=90)
    image.crop((x, y, width - x, height - y)).save(f"{out}/cropped_{number}.jpg", quality=90)
    ImageOps.mirror(image).save(f"{out}/flipped_{number}.jpg", quality=90)
