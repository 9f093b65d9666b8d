"""A critic: which style, expression and background a picture of 128 px shows; results are counted by it.

It judges pictures that came out of an autoencoder, so it learns from pictures that are blurred, noisy, shifted or too bright. Eyes
and mouth are small, so it is also taught where they are. Of several people the expression is not asked. train, export
(`mini-critic.onnx`), and test: how often it is right.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import data
import loop
import onnx_files
from data import Pictures, batch_rng, worsen
from vae import as_input

# As captions have them, in the order of the world's `ALL` and `NAMES`. A plain background is named with its colour.
STYLES = 6
EXPRESSIONS = ["calm", "smiling", "laughing", "surprised", "sad", "angry", "winking"]
BACKGROUNDS = [
    "plain", "in a forest", "on a beach", "in a city at night", "in the mountains", "at sunset", "in the snow", "in a meadow", "in a library",
]
ANSWERS = {"style": STYLES, "expression": len(EXPRESSIONS), "background": len(BACKGROUNDS)}
# What the loss passes over.
NOT_ASKED = -100
# Pixels of a place where an eye or the mouth is looked for, and how many are in a row.
PLACE, ROW = 8, 16


class Critic(nn.Module):
    """The expression is read from three places, the eyes and the mouth; everything else from means and greatest values of channels."""

    def __init__(self, widths=(24, 32, 64, 96)):
        super().__init__()
        one, two, three, four = widths
        self.fine = nn.Sequential(conv(3, one, 5, 2), conv(one, two, 3, 2), conv(two, three, 3, 2), conv(three, three))
        self.coarse = conv(three, four, 3, 2)
        self.where = nn.Conv2d(three, 3, 1)
        self.expression = nn.Sequential(nn.Linear(3 * three, three), nn.ReLU(), nn.Linear(three, ANSWERS["expression"]))
        self.style, self.background = nn.Linear(2 * four, ANSWERS["style"]), nn.Linear(2 * four, ANSWERS["background"])

    def look(self, pictures):
        """The answers, and of every place how much it looks like one eye, the other and the mouth, `[N,3,256]`."""
        x = self.fine(pictures)
        where = self.where(x).flatten(2)
        parts = where.softmax(2) @ x.flatten(2).transpose(1, 2)  # [N,3,channels]
        y = self.coarse(x).flatten(2)
        whole = torch.cat([y.mean(2), y.amax(2)], 1)
        return (self.style(whole), self.expression(parts.flatten(1)), self.background(whole)), where

    def forward(self, pictures):
        """Logits of style, expression, background for pictures `[N,3,128,128]` in -1..1."""
        return self.look(pictures)[0]


def conv(inputs, outputs, kernel=3, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def seen(caption):
    """Expression and background of a whole caption, as numbers."""
    clauses = caption.split(", ")
    expression = NOT_ASKED if " of two people" in clauses[0] else EXPRESSIONS.index(clauses[1])
    found = [i for i, place in enumerate(BACKGROUNDS) if place in clauses or (i == 0 and any(c.startswith("plain ") for c in clauses))]
    if len(found) != 1:
        raise SystemExit(f"caption {caption!r}: {len(found)} backgrounds, expected one of {', '.join(BACKGROUNDS)}")
    return expression, found[0]


def truth(pictures):
    """What is true of every picture: `[N,3]`, in the order of the answers."""
    return torch.tensor([[style, *seen(caption)] for style, caption in zip(pictures.styles, pictures.captions)])


def places(points):
    """Where the eyes and the mouth of somebody with these key points are."""
    x, y = (np.stack([points[0], points[1], (points[3] + points[4]) / 2]) // PLACE).clip(0, ROW - 1).astype(int).T
    return y * ROW + x


@torch.no_grad()
def test(network, pictures, is_worsened, size=100):
    wanted, right = truth(pictures), []
    for start in range(0, len(pictures), size):
        drawn = pictures.take(pictures.pictures, range(start, min(start + size, len(pictures))))
        if is_worsened:
            drawn = [worsen(picture, pictures.kps[start + i][0], np.random.default_rng(start + i))[0] for i, picture in enumerate(drawn)]
        right.append(torch.stack([said.argmax(1) for said in network(as_input(drawn))], 1) == wanted[start : start + size])
    right, asked = torch.cat(right), wanted != NOT_ASKED
    return {name: round(float(right[asked[:, i], i].float().mean()), 4) for i, name in enumerate(ANSWERS)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--data", required=True)
    loop.arguments(train, steps=1500, batch=64, rate=3e-3)
    check = commands.add_parser("test")
    check.add_argument("--data", required=True, help="a set of the part val")
    export = commands.add_parser("export")
    export.add_argument("--out", required=True, type=Path)
    for command in (check, export):
        command.add_argument("--run", required=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed if args.command == "train" else 0)
    network = Critic()
    if args.command == "train":
        pictures = Pictures(args.data, "train")
        wanted = truth(pictures).to(args.device)
        network.to(args.device)

        def step(i):
            rng = batch_rng(args.seed, i)
            chosen = rng.integers(len(pictures), size=args.batch)
            drawn = pictures.take(pictures.pictures, chosen)
            drawn, points = zip(*[worsen(picture, pictures.kps[j][0], rng) for picture, j in zip(drawn, chosen)])
            said, where = network.look(as_input(drawn).to(args.device))
            parts = torch.from_numpy(np.stack([places(p) for p in points])).to(args.device)
            parts[wanted[chosen, 1] == NOT_ASKED] = NOT_ASKED
            losses = {name: F.cross_entropy(part.float(), wanted[chosen, j]) for j, (name, part) in enumerate(zip(ANSWERS, said))}
            losses["places"] = F.cross_entropy(where.float().transpose(1, 2), parts)
            return {"loss": sum(losses.values())} | losses

        loop.train(args, {"critic": network}, step, decay=0.995)
        return
    loop.load_average(args.run, {"critic": network})
    if args.command == "test":
        pictures = Pictures(args.data, "val")
        print({"as drawn": test(network, pictures, False), "worsened": test(network, pictures, True)})
        return
    args.out.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "n"} for name in ("picture", *ANSWERS)}
    data.write_known(args.out, data.known(args.run))
    onnx_files.export(network, torch.rand(2, 3, 128, 128) * 2 - 1, args.out / "mini-critic.onnx", list(ANSWERS), axes, "picture")


if __name__ == "__main__":
    main()
