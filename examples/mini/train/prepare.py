"""Computes what the later parts of training need of every picture, once: `latents` by the autoencoder, `embeddings` by the recogniser.

They are written beside the pictures, in the same shards: f16 `[N,4,16,16]`, not scaled, and f32 `[N,512]`, raw. `prepared.json` says by
which networks; what they have made already is not made again.
"""

import argparse
import hashlib
import json
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
    note = Path(args.data) / "prepared.json"
    made = json.loads(note.read_text()) if note.exists() else {}
    encoder = torch.nn.ModuleList([autoencoder.encoder, autoencoder.quant_conv])
    by = {"latents": digest(encoder), "embeddings": digest(recogniser)}
    compute = {
        "latents": lambda: vae.latents(autoencoder.eval(), pictures, args.device),
        "embeddings": lambda: embedder.embeddings(recogniser.to(args.device), pictures, args.device).numpy(),
    }
    for what, rows in compute.items():
        if made.get(what) != by[what]:
            with torch.autocast(args.device, torch.bfloat16, enabled=args.bf16):
                write(pictures, what, rows())
            made[what] = by[what]
            note.write_text(json.dumps(made, indent=2))


def digest(network):
    """Of all weights; what does not encode (an autoencoder's decoder) does not count."""
    found = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        found.update(name.encode() + value.cpu().numpy().tobytes())
    return found.hexdigest()


def write(pictures, what, rows):
    for shard, first, last in zip(pictures.shards, pictures.starts, pictures.starts[1:]):
        np.save(str(shard).replace("pictures.npy", f"{what}.npy"), rows[first:last])


if __name__ == "__main__":
    main()
