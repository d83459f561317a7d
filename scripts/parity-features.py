#!/usr/bin/python3
"""Compares the features that Headstart extracts with those of torchvision's own VGG, with the same weights, and prints a table.

  scripts/parity-features.py WEIGHTS.safetensors IMAGES [options]

      WEIGHTS.safetensors   a VGG's tensors under torchvision's names; blocks that it lacks are left out
      IMAGES                a folder of pictures, also in subfolders
      --arch NAME           vgg11, vgg13, vgg16 (the default) or vgg19
      --preset NAME         keras or torchvision; both when left out
      --images N            how many of the pictures, evenly spread over the folder; 50 when left out
      --oracle PROGRAM      take the reference features from another program: PROGRAM WEIGHTS PRESET LAYER OUT.f32 IMAGE...

The same weights serve both presets, which says nothing about accuracy, but everything about the arithmetic. Columns: relative L2 is |ours - theirs| /
|theirs|, over all images and for the worst one; the maximum is the largest difference as a fraction of the layer's largest value. "same input" gives
the reference network what Headstart made of the picture: that is the network's share, and what is more in "relative L2" is the share of decoding and
resizing.

Needs Pillow, numpy, torch and torchvision (Debian: python3-pil python3-numpy python3-torch python3-torchvision; run with /usr/bin/python3) and the
.NET SDK. Exits 1 where a layer's relative L2, all images together or the worst one, is above 1e-4.
"""
import argparse, csv, importlib.util, json, os, platform, struct, subprocess, sys, tempfile
import numpy as np
import PIL, torch, torchvision

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LIMIT = 1e-4


def sibling(name):
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), os.path.join(ROOT, "scripts", f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


inputs = sibling("parity-images")  # the reference preprocessing, and Headstart's own


def build(project):
    project = os.path.join(ROOT, project)
    subprocess.run(["dotnet", "build", "-c", "Release", "-v", "quiet", "--nologo", project], check=True, stdout=sys.stderr)
    return subprocess.run(["dotnet", "msbuild", project, "-p:Configuration=Release", "-getProperty:TargetPath"],
                          check=True, capture_output=True, text=True).stdout.strip()


def tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = file.read()
    types = {"F16": "<f2", "F32": "<f4"}
    if other := {t["dtype"] for name, t in header.items() if name.startswith("features.")} - types.keys():
        sys.exit(f"{path} holds {', '.join(sorted(other))}, which numpy has no type for; F32 and F16 can be compared.")
    return {name: torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])], types[t["dtype"]]).reshape(t["shape"]).astype("f4"))
            for name, t in header.items() if name.startswith("features.")}


def network(weights, arch):
    """torchvision's layers, one list a block, each block with its pool; as many blocks as the weights are there for."""
    have = {name[len("features."):]: value for name, value in tensors(weights).items()}
    layers = getattr(torchvision.models, arch)(weights=None, init_weights=False).features.eval()
    need = layers.state_dict()
    blocks, block = [], []
    for index, layer in enumerate(layers):
        block.append(layer)
        if any(name not in have for name in need if name.split(".")[0] == str(index)):
            break
        if isinstance(layer, torch.nn.MaxPool2d):
            blocks.append(torch.nn.Sequential(*block))
            block = []
    if not blocks:
        sys.exit(f"{weights} lacks tensors of the first block (features.0.weight ...): is it a {arch} of torchvision's?")
    layers.load_state_dict({name: value for name, value in have.items() if name in need}, strict=False)
    return blocks


def extracted(extractor, parity, weights, arch, preset, layers, pictures, scratch):
    """Imports, extracts, and yields for each layer a function from a picture to its features."""
    model, cache, listing = (os.path.join(scratch, f"{preset}{suffix}") for suffix in (".onnx", "-cache", ".csv"))
    run = lambda *args: subprocess.run(["dotnet", extractor, *args], check=True, stdout=sys.stderr)
    run("model", "import", weights, "--preset", preset, "--arch", arch, "--out", model, *(a for layer in layers for a in ("--layer", layer)))
    names = {os.path.relpath(os.path.realpath(p), os.path.realpath(scratch)): p for p in pictures}
    with open(listing, "w", newline="") as file:
        csv.writer(file).writerows([("path", "label"), *((name, "any") for name in names)])
    run("extract", listing, "--model", model, "--out", cache, "--max-rejected", "0")
    return lambda layer: cached(parity, cache, layer, names)


def cached(parity, cache, layer, names):
    process = subprocess.Popen(["dotnet", parity, "features", cache, layer], stdout=subprocess.PIPE)
    features, take = {}, process.stdout.read
    while length := take(4):
        name = take(struct.unpack("<i", length)[0]).decode()
        shape = struct.unpack("<iii", take(12))
        features[names[name]] = np.frombuffer(take(4 * int(np.prod(shape))), "<f4").reshape(shape)
    if process.wait() != 0 or len(features) != len(names):
        sys.exit("tests/parity failed")
    return features


def oracle(program, weights, preset, layer, pictures, shape, scratch):
    out = os.path.join(scratch, "oracle.f32")
    subprocess.run([sys.executable, program, weights, preset, layer, out, *pictures], check=True)
    return dict(zip(pictures, np.fromfile(out, "<f4").reshape(len(pictures), *shape)))


class Distance:
    """Of one layer, over the images that were added."""

    def __init__(self):
        self.difference, self.length, self.worst, self.largest, self.maximum = 0.0, 0.0, 0.0, 0.0, 0.0

    def add(self, ours, theirs):
        error = ours.astype(np.float64) - theirs
        difference, length = float((error ** 2).sum()), float((theirs.astype(np.float64) ** 2).sum())
        self.difference, self.length = self.difference + difference, self.length + length
        self.worst = max(self.worst, (difference / length) ** 0.5)
        self.largest, self.maximum = max(self.largest, float(np.abs(error).max())), max(self.maximum, float(np.abs(theirs).max()))

    l2 = property(lambda self: (self.difference / self.length) ** 0.5)
    relative_maximum = property(lambda self: self.largest / self.maximum)


def compare(options, preset, blocks, pictures, programs, scratch):
    ours_input = dict(zip(pictures, inputs.answers(programs["parity"], preset, pictures)))
    if rejected := [p for p in pictures if isinstance(ours_input[p], str)]:
        sys.exit(f"{rejected[0]}: {ours_input[rejected[0]]}")
    layers = [f"block{i + 1}_pool" for i in range(len(blocks))]
    features = extracted(programs["extractor"], programs["parity"], options.weights, options.arch, preset, layers, pictures, scratch)

    # What goes into the next block, from the reference's own input and from ours.
    theirs = {p: torch.from_numpy(getattr(inputs, preset)(p))[None] for p in pictures}
    same = {p: torch.from_numpy(ours_input[p].copy())[None] for p in pictures}
    apart = Distance()
    for p in pictures:
        apart.add(ours_input[p], theirs[p][0].numpy())
    print(f"| {preset} | input | {apart.l2:.1e} | {apart.worst:.1e} | {apart.relative_maximum:.1e} | |", flush=True)

    failed = False
    for layer, block in zip(layers, blocks):
        ours, whole, alone = features(layer), Distance(), Distance()
        theirs, same = ({p: block(x) for p, x in images.items()} for images in (theirs, same))
        reference = {p: x[0].numpy() for p, x in theirs.items()}
        if options.oracle:
            reference = oracle(options.oracle, options.weights, preset, layer, pictures, ours[pictures[0]].shape, scratch)
        for p in pictures:
            whole.add(ours[p], reference[p])
            alone.add(ours[p], same[p][0].numpy())
        print(f"| {preset} | {layer} | {whole.l2:.1e} | {whole.worst:.1e} | {whole.relative_maximum:.1e} | {alone.l2:.1e} |", flush=True)
        failed |= not max(whole.l2, whole.worst) <= LIMIT
    return failed


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("weights")
    parser.add_argument("folder")
    parser.add_argument("--arch", default="vgg16", choices=["vgg11", "vgg13", "vgg16", "vgg19"])
    parser.add_argument("--preset", choices=["keras", "torchvision"])
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--oracle")
    options = parser.parse_args()
    pictures = sorted(os.path.join(folder, name) for folder, _, names in os.walk(options.folder) for name in names if name.lower().endswith(inputs.SUFFIXES))
    if not pictures or options.images < 1:
        sys.exit(__doc__)
    count = min(options.images, len(pictures))
    pictures = [pictures[i * len(pictures) // count] for i in range(count)]

    torch.set_grad_enabled(False)
    blocks = network(options.weights, options.arch)
    programs = {"extractor": build("extractor"), "parity": build("tests/parity")}
    print(f"{count} images; {options.arch}; Pillow {PIL.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}; {platform.machine()}, "
          f"{os.cpu_count()} cores\n")
    print("| preset | layer | relative L2 | of the worst image | maximum | relative L2, same input |\n|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        failed = [compare(options, preset, blocks, pictures, programs, scratch)
                  for preset in ([options.preset] if options.preset else ["keras", "torchvision"])]
    sys.exit(1 if any(failed) else 0)


if __name__ == "__main__":
    main()
