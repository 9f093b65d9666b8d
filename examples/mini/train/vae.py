"""The autoencoder (diffusers' AutoencoderKL): pictures of 128 px as latents of 4x16x16.

Faces count more than what is behind them, and edges count beside colours: without that, eyes of seven pixels blur.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

import loop
import sizes
from data import Pictures, batch_rng


def as_input(pictures):
    """u8 `[N,H,W,3]` as f32 `[N,3,H,W]` in -1..1."""
    return torch.from_numpy(np.float32(pictures).transpose(0, 3, 1, 2) / 127.5 - 1)


def edges(x):
    return x[:, :, :, 1:] - x[:, :, :, :-1], x[:, :, 1:] - x[:, :, :-1]


def losses(network, pictures, weights):
    """Weighted distances of colours, of edges at three sizes, and a very light pull of latents towards a normal distribution."""
    posterior = network.encode(pictures).latent_dist
    drawn = network.decode(posterior.sample()).sample
    colour = ((drawn - pictures).abs() * weights).mean()
    edge = 0.0
    for size in (1, 2, 4):
        a, b = F.avg_pool2d(drawn, size), F.avg_pool2d(pictures, size)
        w = F.avg_pool2d(weights, size)
        for da, db, dw in zip(edges(a), edges(b), (w[:, :, :, 1:], w[:, :, 1:])):
            edge = edge + ((da - db).abs() * dw).mean()
    kl = posterior.kl().mean() / posterior.mean[0].numel()
    return {"loss": colour + edge + 1e-4 * kl, "colour": colour, "edge": edge, "kl": kl}


@torch.no_grad()
def latents(network, pictures, device, most=None, size=64):
    """Means of the latents of all pictures, or of so many, f16 `[N,4,16,16]`, not scaled."""
    rows, count = [], min(len(pictures), most or len(pictures))
    for start in range(0, count, size):
        drawn = pictures.take(pictures.pictures, range(start, min(start + size, count)))
        rows.append(network.encode(as_input(drawn).to(device)).latent_dist.mean.half().cpu().numpy())
    return np.concatenate(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--data", required=True)
    loop.arguments(train, steps=6000, batch=16, rate=1e-3)
    export = commands.add_parser("export")
    export.add_argument("--data", required=True, help="the training set, whose latents say by what they are scaled")
    export.add_argument("--run", required=True)
    export.add_argument("--out", required=True, type=Path, help="folder of the checkpoint; the autoencoder becomes its vae/")
    args = parser.parse_args()
    pictures = Pictures(args.data, "train")
    if args.command == "export":
        network = AutoencoderKL(**sizes.VAE)
        loop.load_average(args.run, {"vae": network})
        some = np.float32(latents(network, pictures, "cpu", most=2000))
        network.register_to_config(scaling_factor=float(1 / some.std()))
        network.half().save_pretrained(args.out / "vae")
        print(f"scaling factor {network.config.scaling_factor:.4f}")
        return
    torch.manual_seed(args.seed)
    network = AutoencoderKL(**sizes.VAE).to(args.device)

    def step(i):
        rng = batch_rng(args.seed, i)
        torch.manual_seed(int(rng.integers(2**31)))
        chosen = rng.integers(len(pictures), size=args.batch)
        faces = torch.from_numpy(np.float32(pictures.take(pictures.faces, chosen) > 0))[:, None]
        return losses(network, as_input(pictures.take(pictures.pictures, chosen)).to(args.device), (1 + 3 * faces).to(args.device))

    loop.train(args, {"vae": network}, step, decay=0.999)


if __name__ == "__main__":
    main()
