#!/usr/bin/python3
"""Makes resize.golden.json: what PIL, torchvision and torch make of seeded noise (Debian 12: python3-pil 9.4, torch 1.13, torchvision 0.14).

  make_resize_goldens.py > resize.golden.json

"pil" is the SHA-256 of the H x W x 3 bytes after torchvision's Resize(shortSide) and CenterCrop(size), or after PIL's resize((size, size)) where
shortSide is null. "normalised" is that of the 3 x H x W float32 after to_tensor and normalize. "bilinear" holds values of
torch's interpolate(bilinear, align_corners=False, antialias=False) to size x size, at index, index + step, ... of the flat 3 x H x W result.
"""
import hashlib, json
import numpy as np
import torch
from PIL import Image
from torchvision.transforms import functional as F

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
STEP = 997


def noise(width, height, seed):
    """The upper bytes of a 64-bit linear congruential generator; NoisePicture.cs has the same."""
    state, out = seed, bytearray(width * height * 3)
    for i in range(len(out)):
        state = (state * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        out[i] = state >> 56
    return Image.frombytes("RGB", (width, height), bytes(out))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


CASES = [  # width, height, size, short side
    (500, 375, 224, 256), (375, 500, 224, 256), (37, 53, 224, 256), (256, 256, 224, 256), (257, 256, 224, 256), (224, 224, 224, 256),
    (1, 1, 224, 256), (1, 9, 32, 40), (9, 1, 32, 40), (3, 700, 32, 33), (700, 3, 32, 33), (301, 199, 31, 31), (199, 301, 30, 37), (64, 64, 33, 64),
    (500, 375, 224, None), (100, 1000, 64, None), (5, 3, 17, None), (224, 224, 224, None), (1, 300, 33, None),
]
goldens = []
for seed, (width, height, size, short) in enumerate(CASES, 1):
    image = noise(width, height, seed)
    resized = F.center_crop(F.resize(image, short), size) if short else image.resize((size, size), Image.BILINEAR)
    tensor = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float()
    stretched = torch.nn.functional.interpolate(tensor, (size, size), mode="bilinear", align_corners=False, antialias=False)[0].contiguous().numpy()
    goldens.append({
        "width": width, "height": height, "seed": seed, "size": size, "shortSide": short,
        "pil": sha256(resized.tobytes()),
        "normalised": sha256(F.normalize(F.to_tensor(resized), MEAN, STD).numpy().tobytes()),
        "step": STEP, "bilinear": [round(float(v), 5) for v in stretched.ravel()[::STEP]],
    })
print("[\n" + ",\n".join(json.dumps(g) for g in goldens) + "\n]")
