"""The autoencoder (diffusers' AutoencoderKL): pictures of 128 px as latents of 4x16x16.

Faces count more than what is behind them, eyes and mouths more than cheeks, and edges count beside colours: without that, eyes of
seven pixels blur. In the end the recogniser has to see the same person in what is drawn.

With `--decoder` the encoder stays as it is in `--start`, and only what draws learns: whoever has learned from the latents need not learn again.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

import data
import embedder
import faces
import loop
import sizes
from data import Pictures, batch_rng
from diffusion import EXACT


def as_input(pictures):
    """u8 `[N,H,W,3]` as f32 `[N,3,H,W]` in -1..1."""
    return torch.from_numpy(np.float32(pictures).transpose(0, 3, 1, 2) / 127.5 - 1)


def edges(x):
    return x[:, :, :, 1:] - x[:, :, :, :-1], x[:, :, 1:] - x[:, :, :-1]


def losses(network, pictures, weights):
    """Weighted distances of colours, of edges at three sizes, of tones of places, and a very light pull of latents towards a normal distribution."""
    with torch.set_grad_enabled(network.encoder.conv_in.weight.requires_grad):
        posterior = network.encode(pictures).latent_dist
    drawn = network.decode(posterior.sample()).sample
    colour = ((drawn - pictures).abs() * weights).mean()
    edge = 0.0
    for size in (1, 2, 4):
        a, b = F.avg_pool2d(drawn, size), F.avg_pool2d(pictures, size)
        w = F.avg_pool2d(weights, size)
        for da, db, dw in zip(edges(a), edges(b), (w[:, :, :, 1:], w[:, :, 1:])):
            edge = edge + ((da - db).abs() * dw).mean()
    # Colours of whole places: a distance that grows with its square does not settle for a middle tone.
    tone = F.mse_loss(F.avg_pool2d(drawn, 8), F.avg_pool2d(pictures, 8))
    kl = posterior.kl().mean() / posterior.mean[0].numel()
    return {"loss": colour + edge + 10 * tone + 1e-4 * kl, "colour": colour, "edge": edge, "tone": tone, "kl": kl}, drawn


def aligned(pictures, kps):
    """The faces of pictures `[N,3,H,W]` in -1..1 as the recogniser wants them, `[N,3,112,112]`; gradients flow through."""
    side = pictures.shape[-1]
    places = np.stack(np.meshgrid(np.arange(112), np.arange(112)), -1)
    grids = []
    for points in kps:
        matrix = faces.similarity(points)
        at = (places - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        grids.append((2 * at + 1) / side - 1)
    # Beyond the picture there is black.
    return F.grid_sample(pictures + 1, torch.from_numpy(np.float32(grids)).to(pictures), align_corners=False) - 1


def strangeness(recogniser, drawn, pictures, kps):
    """How far the recogniser finds the person in `drawn` from the one in `pictures`: one minus the cosine."""
    with torch.no_grad():
        wanted = recogniser(aligned(pictures, kps))
    return 1 - F.cosine_similarity(recogniser(aligned(drawn.float(), kps)), wanted).mean()


def importance(face, kps):
    """What each pixel of a picture counts: its mask of faces `[H,W]`, its key points `[N,5,2]`; f32 `[H,W]`."""
    rows, columns = np.mgrid[: face.shape[0], : face.shape[1]].astype(np.float32)
    out = 1 + 3 * np.float32(face > 0)
    for points in kps:
        near = 0.13 * np.linalg.norm(points[0] - points[4])
        for x, y in points:
            out += 10 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * near**2))
    return np.float32(out)


def crops(rng, pictures, weights, side):
    """Squares of `side` pixels out of pictures `[N,H,W,3]` and their weights `[N,H,W]`, mostly around a pixel that counts."""
    out = []
    for picture, weight in zip(pictures, weights):
        top, left = rng.integers(-side, 2 * sizes.PICTURE, 2)
        rows, columns = np.nonzero(weight > 3)
        if len(rows) and rng.random() < 0.7:
            i = rng.integers(len(rows))
            top, left = rows[i] - side // 2, columns[i] - side // 2
        top, left = np.clip([top, left], 0, sizes.PICTURE - side)
        out.append((picture[top : top + side, left : left + side], weight[top : top + side, left : left + side]))
    return [np.stack(parts) for parts in zip(*out)]


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
    train.add_argument("--recogniser", required=True, help="run of the recogniser")
    loop.arguments(train, steps=6000, batch=8, rate=1e-3, start="a checkpoint with vae/")
    train.add_argument("--decoder", action="store_true", help="only the decoder learns")
    train.add_argument("--whole", type=float, default=0.04, help="share of the steps, the last ones, on whole pictures (default %(default)s)")
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
        data.write_known(args.out, data.known(args.run))
        print(f"scaling factor {network.config.scaling_factor:.4f}")
        return
    torch.manual_seed(args.seed)
    network, recogniser = AutoencoderKL(**sizes.VAE).to(args.device), embedder.Embedder().to(args.device)
    if args.start:
        network.load_state_dict(AutoencoderKL.from_pretrained(args.start / "vae", **EXACT).state_dict())
    if args.decoder:
        network.encoder.requires_grad_(False)
        network.quant_conv.requires_grad_(False)
    loop.load_average(args.recogniser, {"embedder": recogniser})

    def step(i):
        rng = batch_rng(args.seed, i)
        torch.manual_seed(int(rng.integers(2**31)))
        chosen = rng.integers(len(pictures), size=args.batch)
        # Convolutions learn as much from a pixel of a crop as from one of a whole picture, and crops are more of them in a step's time;
        # towards the end the network gets used to whole pictures.
        is_whole = i >= (1 - args.whole) * args.steps
        side = sizes.PICTURE if is_whole else sizes.PICTURE // 2
        weights = [importance(face, pictures.kps[j]) for j, face in zip(chosen, pictures.take(pictures.faces, chosen))]
        shown, weights = crops(rng, pictures.take(pictures.pictures, chosen), weights, side)
        wanted = as_input(shown).to(args.device)
        parts, drawn = losses(network, wanted, torch.from_numpy(weights)[:, None].to(args.device))
        if is_whole:
            parts["stranger"] = strangeness(recogniser, drawn, wanted, [pictures.kps[i][0] for i in chosen])
            parts["loss"] = parts["loss"] + 0.5 * parts["stranger"]
        return parts

    loop.train(args, {"vae": network}, step, decay=0.999)


if __name__ == "__main__":
    main()
