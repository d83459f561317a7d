#!/usr/bin/python3
"""Makes views.golden.json: what torchvision and PIL make of views with given parameters, and how torchvision draws them
(Debian 12: python3-pil 9.4, torch 1.13, torchvision 0.14).

  make_view_goldens.py > views.golden.json

"views": for noise of the given size and seed, a crop, a flip and changes of colour in their order. "bilinear" is torchvision's crop, torch's
interpolate(bilinear, antialias=False), hflip and adjust_* on float tensors, as grey levels; "pil" is resized_crop, hflip and adjust_* on a PIL image. Both hold
the values at index, index + step, ... of the flat 3 x size x size result.
"crops": for images of the given size, the quantiles 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99 over 20,000 draws of RandomResizedCrop.get_params with scale
(0.25, 1) and ratio (3/4, 4/3): the crop's width and height as shares of the image's, its area likewise, the centre of the crop as shares.
"""
import json
import numpy as np
import torch
from PIL import Image
from torchvision.transforms import RandomResizedCrop, functional as F
from torchvision.transforms.functional import InterpolationMode

STEP = 211


def noise(width, height, seed):
    """The upper bytes of a 64-bit linear congruential generator; NoisePicture.cs has the same."""
    state, out = seed, bytearray(width * height * 3)
    for i in range(len(out)):
        state = (state * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        out[i] = state >> 56
    return Image.frombytes("RGB", (width, height), bytes(out))


OPERATIONS = {"brightness": F.adjust_brightness, "contrast": F.adjust_contrast, "saturation": F.adjust_saturation}
VIEWS = [  # width, height, size, (left, top, width, height), flip, changes in order
    (120, 90, 64, (0, 0, 120, 90), False, []),
    (120, 90, 64, (13, 7, 80, 61), True, []),
    (120, 90, 64, (13, 7, 80, 61), False, [("brightness", 1.2)]),
    (120, 90, 64, (13, 7, 80, 61), False, [("brightness", 0.8), ("contrast", 1.2), ("saturation", 0.8)]),
    (90, 120, 33, (1, 100, 20, 20), True, [("saturation", 1.2), ("brightness", 1.15), ("contrast", 0.8)]),
    (90, 120, 97, (89, 119, 1, 1), True, [("contrast", 0.9), ("saturation", 0.85), ("brightness", 1.05)]),
    (300, 20, 50, (40, 3, 17, 16), False, [("contrast", 1.2), ("brightness", 1.2), ("saturation", 1.2)]),
]
views = []
for seed, (width, height, size, (left, top, w, h), flip, changes) in enumerate(VIEWS, 101):
    image = noise(width, height, seed)
    tensor = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None].float() / 255
    tensor = torch.nn.functional.interpolate(F.crop(tensor, top, left, h, w), (size, size), mode="bilinear", align_corners=False, antialias=False)[0]
    pil = F.resized_crop(image, top, left, h, w, [size, size], InterpolationMode.BILINEAR)
    if flip:
        tensor, pil = F.hflip(tensor), F.hflip(pil)
    for name, factor in changes:
        tensor, pil = OPERATIONS[name](tensor, factor), OPERATIONS[name](pil, factor)
    views.append({
        "width": width, "height": height, "seed": seed, "size": size, "crop": [left, top, w, h], "flip": flip,
        "changes": [{"change": name, "factor": factor} for name, factor in changes], "step": STEP,
        "bilinear": [round(float(v) * 255, 4) for v in tensor.contiguous().numpy().ravel()[::STEP]],
        "pil": [int(v) for v in np.asarray(pil).transpose(2, 0, 1).ravel()[::STEP]],
    })

QUANTILES = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99]
crops = []
torch.manual_seed(1)
for width, height in [(500, 375), (300, 300), (100, 700), (900, 120)]:
    blank = torch.empty(3, height, width)
    drawn = np.array([RandomResizedCrop.get_params(blank, [0.25, 1.0], [3 / 4, 4 / 3]) for _ in range(20000)], float)
    i, j, h, w = drawn.T
    columns = {"w": w / width, "h": h / height, "area": w * h / (width * height), "x": (j + w / 2) / width, "y": (i + h / 2) / height}
    crops.append({"width": width, "height": height, **{name: [round(float(v), 4) for v in np.quantile(c, QUANTILES)] for name, c in columns.items()}})
print(json.dumps({"views": views, "crops": crops}))
