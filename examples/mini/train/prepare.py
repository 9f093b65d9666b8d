"""Computes what the later parts of training need of every picture, once: `latents` by the autoencoder, `embeddings` by the recogniser.

They are written beside the pictures, in the same shards: f16 `[N,4,16,16]`, not scaled, and f32 `[N,512]`, raw.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

import embedder
import loop
import vae
from data import Pictures
from diffusion import EXACT


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--checkpoint", required=True, type=Path, help="folder with vae/")
    parser.add_argument("--embedder", required=True, help="run of the recogniser")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="networks compute in bf16")
    args = parser.parse_args()
    pictures = Pictures(args.data, "train")
    autoencoder = AutoencoderKL.from_pretrained(args.checkpoint / "vae", **EXACT).to(args.device)
    recogniser = embedder.Embedder()
    loop.load_average(args.embedder, {"embedder": recogniser})
    with torch.autocast(args.device, torch.bfloat16, enabled=args.bf16):
        write(pictures, "latents", vae.latents(autoencoder.eval(), pictures, args.device))
        write(pictures, "embeddings", embedder.embeddings(recogniser.to(args.device), pictures, args.device).numpy())


def write(pictures, what, rows):
    for shard, first, last in zip(pictures.shards, pictures.starts, pictures.starts[1:]):
        np.save(str(shard).replace("pictures.npy", f"{what}.npy"), rows[first:last])


if __name__ == "__main__":
    main()
