#!/usr/bin/python3
"""Compares how Headstart decodes and prepares images with PIL, torchvision and torch, and prints a table.

  scripts/parity-images.py FOLDER_OR_FILE...

Needs Pillow, numpy, torch and torchvision (Debian: python3-pil python3-numpy python3-torch python3-torchvision; run with /usr/bin/python3) and
the .NET SDK. Without torch the decoding is compared alone. Exits 1 where a picture differs that should not; docs/PARITY.md lists those that may.
"""
import os, struct, subprocess, sys, threading, warnings
import numpy as np
from PIL import Image, ImageOps

try:
    import torch
    from torchvision.transforms import functional as F
except ImportError:
    torch = None

warnings.simplefilter("ignore")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff")


def rgb(image):
    """PIL's convert("RGB"), except for 16-bit gray, of which PIL makes white: its upper eight bits."""
    if image.mode in ("I", "I;16", "I;16B"):
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
    return image.convert("RGB")


def opened(path):
    return np.asarray(rgb(Image.open(path)))


def opened_upright(path):
    image = Image.open(path)
    # PIL turns a TIFF when it loads it, and exif_transpose would turn it once more.
    return np.asarray(rgb(image if image.format == "TIFF" else ImageOps.exif_transpose(image)))


def keras(path):
    x = torch.from_numpy(opened(path).copy()).permute(2, 0, 1)[None].float()
    x = torch.nn.functional.interpolate(x, (224, 224), mode="bilinear", align_corners=False, antialias=False)[0]
    return (x.flip(0) - torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)).numpy()


def torchvision(path):
    image = F.center_crop(F.resize(rgb(Image.open(path)), 256), 224)
    return F.normalize(F.to_tensor(image), [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]).numpy()


def mobilenet(path):
    x = torch.from_numpy(opened(path).copy()).permute(2, 0, 1)[None].float()
    return (torch.nn.functional.interpolate(x, (224, 224), mode="bilinear", align_corners=False, antialias=False)[0] / 127.5 - 1).numpy()


# Mode, reference, how far a value may be off: a thousandth of a grey level where nothing is rounded.
MODES = [("decode", opened, 0), ("decode-upright", opened_upright, 0)]
if torch:
    MODES += [("keras", keras, 1e-3), ("torchvision", torchvision, 0), ("mobilenet", mobilenet, 1e-3 / 127.5)]


def build():
    project = os.path.join(ROOT, "tests", "parity")
    subprocess.run(["dotnet", "build", "-c", "Release", "-v", "quiet", "--nologo", project], check=True, stdout=sys.stderr)
    return subprocess.run(["dotnet", "msbuild", project, "-p:Configuration=Release", "-getProperty:TargetPath"],
                          check=True, capture_output=True, text=True).stdout.strip()


def answers(program, mode, paths):
    """One answer a path: an array, or the reason why the file was rejected."""
    process = subprocess.Popen(["dotnet", program, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    feed = threading.Thread(target=lambda: (process.stdin.write("".join(p + "\n" for p in paths).encode()), process.stdin.close()))
    feed.start()
    take = process.stdout.read
    for _ in paths:
        if struct.unpack("<i", take(4))[0] == 0:
            yield take(struct.unpack("<i", take(4))[0]).decode()
            continue
        width, height = struct.unpack("<ii", take(8))
        if mode.startswith("decode"):
            yield np.frombuffer(take(3 * width * height), np.uint8).reshape(height, width, 3)
        else:
            yield np.frombuffer(take(12 * width * height), "<f4").reshape(3, height, width)
    feed.join()
    if process.wait() != 0:
        sys.exit("tests/parity failed")


def reference(of, path):
    try:
        return of(path)
    except Exception as e:  # PIL raises many kinds for a file that it can't read
        return f"{type(e).__name__}: {e}"


def compare(program, mode, of, tolerance, paths):
    equal, within, rejected, notes, worst = 0, 0, 0, [], 0.0
    for path, ours in zip(paths, answers(program, mode, paths)):
        theirs = reference(of, path)
        if isinstance(ours, str) and isinstance(theirs, str):
            rejected += 1
        elif isinstance(ours, str):
            notes.append(f"{path}: rejected here ({ours}), read by PIL")
        elif isinstance(theirs, str):
            notes.append(f"{path}: read here, rejected by PIL ({theirs})")
        elif ours.shape != theirs.shape:
            notes.append(f"{path}: {ours.shape} here, {theirs.shape} there")
        else:
            error = float(np.abs(ours.astype(np.float64) - theirs).max())
            if error <= tolerance:
                worst = max(worst, error)
                equal, within = equal + (error == 0), within + 1
            else:
                notes.append(f"{path}: differs by up to {error:g} in {np.mean(ours != theirs):.1%} of the values")
    print(f"| {mode} | {len(paths)} | {equal} | {within} | {worst:.2g} | {rejected} | {len(notes)} |", flush=True)
    return [f"{mode}: {note}" for note in notes]


def main(roots):
    paths = []
    for root in roots:
        paths += [root] if os.path.isfile(root) else sorted(
            os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if name.lower().endswith(SUFFIXES))
    if not paths:
        sys.exit(__doc__)
    program = build()
    print("| what | files | equal | within tolerance | largest error within it | rejected by both | others |\n|---|---|---|---|---|---|---|")
    notes = [note for mode, of, tolerance in MODES for note in compare(program, mode, of, tolerance, paths)]
    print("\n" + "\n".join(notes) if notes else "\nNothing else differs.")
    sys.exit(1 if notes else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
