#!/usr/bin/env python3
"""Writes THIRD-PARTY-NOTICES.md: every package that the two programs ship, with version, licence, copyright and source.

Usage, after `dotnet restore Solution.sln`:  python3 scripts/third-party-notices.py

What ships is read from obj/project.assets.json, who made it from the packages' own nuspec files. The texts of the longer licences are those of
Debian's base-files (/usr/share/common-licenses), which are the publishers' own. A package with a licence that isn't known here is an error:
look at it, then add it.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMON = pathlib.Path("/usr/share/common-licenses")
TABLE_LICENCES = {"MIT", "Apache-2.0", "BSD-3-Clause", "LGPL-3.0-or-later"}
# Where a package offers a choice, what we take; where it names a file instead of a licence, what stands in that file.
CHOSEN = {"MS-PL OR Apache-2.0": "Apache-2.0", "Unlicense OR MIT": "MIT"}
FROM_FILE = {
    "k4os.compression.lz4": ("MIT", "Copyright (c) 2017 Milosz Krajewski"),
    "microsoft.ml.onnxruntime": ("MIT", "Copyright (c) Microsoft Corporation"),
    "microsoft.ml.onnxruntime.managed": ("MIT", "Copyright (c) Microsoft Corporation"),
}
BSD = """Redistribution and use in source and binary forms, with or without modification, are permitted provided that the following conditions are met:

1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following disclaimer.
2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the following disclaimer in the
   documentation and/or other materials provided with the distribution.
3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote products derived from this
   software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT LIMITED TO,
THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR
CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO,
PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF
LIABILITY, WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE,
EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE."""


def shipped(project):
    """The packages of a project that bring something to run, as {(name, version): folder}."""
    assets = json.loads((ROOT / project / "obj/project.assets.json").read_text())
    target = next(v for k, v in assets["targets"].items() if "/" in k)
    folders = [pathlib.Path(f) for f in assets["packageFolders"]]
    packages = {}
    for key, library in target.items():
        files = [*library.get("runtime", {}), *library.get("native", {})]
        if library["type"] == "package" and any(not f.endswith("/_._") for f in files):
            folder = next(f / assets["libraries"][key]["path"] for f in folders if (f / assets["libraries"][key]["path"]).is_dir())
            packages[tuple(key.split("/"))] = folder
    return packages


def described(name, folder):
    """Licence, copyright and address from the nuspec file."""
    metadata = xml.parse(next(folder.glob("*.nuspec"))).getroot()[0]
    fields = {re.sub(r"\{.*\}", "", e.tag): (e.text or "").strip() for e in metadata}
    licence, holder = fields.get("license", ""), fields.get("copyright", "")
    if name.lower() in FROM_FILE:
        licence, holder = FROM_FILE[name.lower()]
    licence = CHOSEN.get(licence, licence)
    if licence not in TABLE_LICENCES:
        sys.exit(f"error: {name} has the licence '{licence}', which scripts/third-party-notices.py doesn't know. Read it, then add it there.")
    holder = re.sub(r"\s+", " ", holder) or "its authors: " + fields.get("authors", "")
    return licence, holder, fields.get("projectUrl", "")


def main():
    extractor, trainer = shipped("extractor"), shipped("trainer")
    lines = [
        "# Third-party notices",
        "",
        "Headstart itself is under the MIT licence ([LICENSE](LICENSE)). Its programs ship the packages below. Made by",
        "`scripts/third-party-notices.py` from the packages themselves; a test fails when a package is missing here.",
        "",
        "**libvips (NetVips.Native) is under the LGPL, version 3 or later.** It is used as it comes, as a dynamic library of its own",
        "(`libvips.so.42`, `libvips-42.dll`, `libvips.42.dylib`) beside the programs: you may replace it by another build of the same",
        "interface, and you may take the programs apart to debug such a change. Its source and build scripts are at",
        "<https://github.com/kleisauke/libvips-packaging>, those of libvips at <https://github.com/libvips/libvips>. It contains further libraries under",
        "their own licences, which the package lists.",
        "",
        "What packages say of the works inside them (ONNX Runtime, libtorch, libvips, .NET) lies as they wrote it in the folder `licenses` of the",
        "published programs and tools. libtorch's package is under MIT; PyTorch itself is under BSD-3-Clause, and says so there. Self-contained",
        "folders hold the .NET runtime too (MIT). The list is that of linux-x64; other platforms have the same packages for their own.",
        "",
        "TorchSharp's native library `libLibTorchSharp.so` is changed by the build on Linux: one symbol and one version entry of its dynamic",
        "section, so that it loads on older systems (trainer/Native/LibTorchSharpMend.cs).",
        "",
        "| package | version | licence | copyright | source | in |",
        "|---|---|---|---|---|---|",
    ]
    used = set()
    for (name, version), folder in sorted({**extractor, **trainer}.items(), key=lambda p: p[0][0].lower()):
        licence, holder, source = described(name, folder)
        used.add(licence)
        where = [p for p, packages in (("extractor", extractor), ("trainer", trainer)) if (name, version) in packages]
        lines.append(f"| {name} | {version} | {licence} | {holder} | {source} | {', '.join(where)} |")

    mit = (ROOT / "LICENSE").read_text().split("\n\n", 2)[2].strip()
    texts = [("MIT", mit), ("BSD-3-Clause", BSD), ("Apache-2.0", (COMMON / "Apache-2.0").read_text())]
    texts += [("LGPL-3.0", (COMMON / "LGPL-3").read_text()), ("GPL-3.0, to which the LGPL refers", (COMMON / "GPL-3").read_text())]
    for title, text in texts:
        if title in used or "GPL" in title:
            lines += ["", f"## {title}", "", "```", text.strip("\n"), "```"]
    (ROOT / "THIRD-PARTY-NOTICES.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
