#!/usr/bin/env python3
"""VGG16's convolutional base in libtorch, float32 and bfloat16, as a third way beside ONNX Runtime's float32 and int8.

Random weights (speed does not depend on them), batches of 8, channels-last, turns A B A B. Prints images/s and the ratio, and how far bfloat16 is from float32.

    scripts/bench-bfloat16.py [ROUNDS] [THREADS]        needs python3-torch
"""
import copy
import pathlib
import statistics
import sys
import time

import torch

if "avx512bw" not in pathlib.Path("/proc/cpuinfo").read_text():
    print("Without AVX-512 libtorch computes bfloat16 far slower than float32: left out.")
    sys.exit()
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
torch.set_num_threads(int(sys.argv[2]) if len(sys.argv) > 2 else 2)
torch.manual_seed(0)

layers = []
channels = 3
for convolutions, width in [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)]:
    for _ in range(convolutions):
        convolution = torch.nn.Conv2d(channels, width, 3, padding=1)
        torch.nn.init.kaiming_normal_(convolution.weight)
        layers += [convolution, torch.nn.ReLU(inplace=True)]
        channels = width
    layers.append(torch.nn.MaxPool2d(2))
network = torch.nn.Sequential(*layers).eval().to(memory_format=torch.channels_last)
pictures = torch.randn(8, 3, 224, 224).to(memory_format=torch.channels_last)
reference = network(pictures).detach()


def rate(model, batch):
    start = time.perf_counter()
    with torch.no_grad():
        model(batch)
    return len(batch) / (time.perf_counter() - start)


half = copy.deepcopy(network).to(torch.bfloat16)
half_pictures = pictures.to(torch.bfloat16)
with torch.no_grad():
    values = half(half_pictures).float()
cosine = torch.nn.functional.cosine_similarity(values.flatten(1), reference.flatten(1)).mean().item()
rates = {"float32": [], "bfloat16": []}
for turn in range(rounds + 1):
    first, second = rate(network, pictures), rate(half, half_pictures)
    if turn:
        rates["float32"].append(first)
        rates["bfloat16"].append(second)
print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batches of 8, channels-last")
for name, values in rates.items():
    print(f"{name:9} {statistics.median(values):7.1f} images/s")
print(f"bfloat16 is {statistics.median(b / a for a, b in zip(*rates.values())):.2f} times as fast; mean cosine to float32 {cosine:.5f} (random weights)")
