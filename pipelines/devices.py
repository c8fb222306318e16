"""Label scans on a processor and on a GPU: how many labels differ, and the seconds of each.

    python pipelines/devices.py data_samples/uav_plot.laz ../shared/data/scans/UAS_Clip.laz [--model uav]

Where torch sees no GPU, the same network runs in torch on the processor, which shows the difference that torch makes.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.numpy import load_file

from leafwood.errors import FileWarning
from leafwood.evaluate.tables import head, line
from leafwood.inference.model_file import load_model, weights_file
from leafwood.inference.segmenter import Segmenter
from leafwood.io.loaders import read
from leafwood.nn.on_device import DeviceUNet


def main(argv: Sequence[str] | None = None) -> None:
    """Print a row a scan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path, nargs="+")
    parser.add_argument("--model", default="uav")
    args = parser.parse_args(argv)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_model(args.model)
    network = DeviceUNet(load_file(weights_file(args.model)), model.graph, model.config, device)
    print(f"torch on {torch.cuda.get_device_name() if device == 'cuda' else 'the processor'}\n")
    print(head("scan", "points", "labels that differ, %", "seconds, processor", f"seconds, torch on {device}"))
    for scan in args.scans:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FileWarning)
            cloud = read(scan)
        labels, seconds = [], []
        for used in (model, replace(model, network=network)):
            started = time.perf_counter()
            labels.append(Segmenter(used).segment(cloud).columns["leafwood"])
            seconds.append(time.perf_counter() - started)
        differ = 100 * float((labels[0] != labels[1]).mean())
        print(line(scan.name, f"{len(cloud):,}", f"{differ:.4f}", *(f"{each:.1f}" for each in seconds)), flush=True)


if __name__ == "__main__":
    main()
