#!/usr/bin/env python3
"""Writes a VGG's convolutional weights as .safetensors, which 'extractor model import' reads.

Run it where the weights are trusted: a .pth file is a pickle. It needs torch for --weights and --random, torch and
torchvision for --torchvision, keras for --keras; numpy comes with all of them.

  export_vgg16.py --weights vgg16.pth --out vgg16.safetensors         a checkpoint of your own or a downloaded one
  export_vgg16.py --torchvision vgg16 --out vgg16.safetensors         torchvision's ImageNet weights (fetched by torchvision)
  export_vgg16.py --keras vgg16 --out vgg16.safetensors               Keras' ImageNet weights (fetched by Keras)
  export_vgg16.py --random 0 --arch vgg16_bn --out random.safetensors seeded noise, to try the import

Then: extractor model import vgg16.safetensors --preset torchvision --out vgg16.onnx
(--preset keras for weights from --keras: they want other pixels.)
"""
import argparse
import json
import sys

import numpy as np

ARCHITECTURES = ["vgg11", "vgg13", "vgg16", "vgg19"]


def from_checkpoint(path):
    import torch

    state = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    return from_state(state, path)


def from_state(state, source):
    tensors = {
        name: value.detach().float().contiguous().numpy()
        for name, value in state.items()
        if "features." in name and not name.endswith("num_batches_tracked")
    }
    if not tensors:
        sys.exit(f"error: {source} has no tensors named features.N.weight, as torchvision and timm name a VGG's")
    return tensors


def from_torchvision(name):
    import torchvision

    return from_state(getattr(torchvision.models, name)(weights="IMAGENET1K_V1").state_dict(), name)


def from_random(seed, name):
    import torch
    import torchvision

    torch.manual_seed(seed)
    model = getattr(torchvision.models, name)(weights=None)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return from_state(model.state_dict(), name)


def from_keras(name):
    import keras

    builders = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}
    if name not in builders:
        sys.exit(f"error: Keras has {', '.join(builders)}, not {name}")
    tensors, position = {}, 0
    for layer in builders[name](weights="imagenet", include_top=False).layers:
        if layer.name.endswith("_pool"):
            position += 1
        elif layer.get_weights():
            kernel, bias = layer.get_weights()
            tensors[f"features.{position}.weight"] = kernel.transpose(3, 2, 0, 1)
            tensors[f"features.{position}.bias"] = bias
            position += 2  # the convolution and its ReLU
    return tensors


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, tensor in tensors.items():
        size = tensor.size * 4
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        for tensor in tensors.values():
            file.write(np.ascontiguousarray(tensor, dtype="<f4").tobytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--weights", metavar="FILE", help="a .pth, .pt or .bin checkpoint")
    source.add_argument("--torchvision", metavar="ARCH", choices=ARCHITECTURES + [f"{a}_bn" for a in ARCHITECTURES])
    source.add_argument("--keras", metavar="ARCH", choices=["vgg16", "vgg19"])
    source.add_argument("--random", metavar="SEED", type=int)
    parser.add_argument("--arch", default="vgg16", help="for --random (default vgg16)")
    parser.add_argument("--out", required=True, metavar="FILE.safetensors")
    arguments = parser.parse_args()
    if arguments.weights:
        tensors, preset = from_checkpoint(arguments.weights), "torchvision"
    elif arguments.torchvision:
        tensors, preset = from_torchvision(arguments.torchvision), "torchvision"
    elif arguments.keras:
        tensors, preset = from_keras(arguments.keras), "keras"
    else:
        tensors, preset = from_random(arguments.random, arguments.arch), "torchvision"
    write_safetensors(arguments.out, tensors)
    print(f"{arguments.out}: {len(tensors)} tensors")
    print(f"Next: extractor model import {arguments.out} --preset {preset} --out {arguments.out.rsplit('.', 1)[0]}.onnx")


if __name__ == "__main__":
    main()
