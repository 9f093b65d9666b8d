"""A recogniser in the layout of insightface's ArcFace exports (arXiv 1801.07698): 112x112 pixels in, 512 raw numbers out.

With `--judge` the network is another one (plain convolutions, group normalisation), learns from another margin (CosFace, arXiv
1801.09414) and from pictures that are worsened: results are judged by it, so that nobody judges in his own case. train, export, and test: how well people of the
part `val` are told apart.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import data
import faces
import loop
import onnx_files
from data import Pictures, batch_rng, worsen
from sizes import EMBEDDING


class Residual(nn.Module):
    """IResNet's block, with ReLU: normalisation, convolution, normalisation, ReLU, convolution, normalisation."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs),
        )
        self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return self.body(x) + self.skip(x)


class Embedder(nn.Module):
    """The last normalisation has no weight, so that embeddings are about 22 long: the root of 512."""

    def __init__(self, widths=(24, 48, 80, 128)):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 3, 2, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU())
        self.body = nn.Sequential(*[Residual(a, b) for a, b in zip(widths, widths[1:])])
        last = widths[-1]
        self.whole = nn.Sequential(nn.Conv2d(last, last, 7, groups=last, bias=False), nn.BatchNorm2d(last))
        self.head = nn.Linear(last, EMBEDDING, bias=False)
        self.norm = nn.BatchNorm1d(EMBEDDING)
        self.norm.weight.requires_grad_(False)

    def forward(self, crops):
        return self.norm(self.head(self.whole(self.body(self.stem(crops))).flatten(1)))


class Judge(nn.Module):
    def __init__(self, widths=(24, 40, 72, 112, 144)):
        super().__init__()
        layers = part(3, widths[0], 5, 2)
        for a, b in zip(widths, widths[1:]):
            layers += part(a, b, 3, 2) + part(b, b, 3, 1)
        self.body = nn.Sequential(*layers, nn.AvgPool2d(2))
        self.head = nn.Linear(widths[-1] * 4, EMBEDDING)

    def forward(self, crops):
        return self.head(self.body(crops).flatten(1))


def part(inputs, outputs, kernel, stride):
    return [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2), nn.GroupNorm(8, outputs), nn.SiLU()]


class Margin(nn.Module):
    """Cross entropy of cosines to a direction for each person, the right one made harder by a margin.

    The numbers of who somebody is are known in this world, so embeddings are asked for them as well: that says more than a name.
    """

    def __init__(self, people, numbers, is_angle, scale=32.0, margin=0.3):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(people, EMBEDDING) * 0.05)
        self.numbers = nn.Linear(EMBEDDING, numbers)
        self.is_angle, self.scale, self.margin = is_angle, scale, margin

    def forward(self, embeddings, people, numbers):
        cosines = F.normalize(embeddings) @ F.normalize(self.weight).T
        right = cosines.gather(1, people[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
        # Where the angle would pass half a turn, ArcFace goes on in a line.
        angle = torch.where(right > -np.cos(self.margin), (right.acos() + self.margin).cos(), right - self.margin * np.sin(self.margin))
        harder = angle if self.is_angle else right - self.margin
        name = F.cross_entropy(self.scale * cosines.scatter(1, people[:, None], harder), people)
        told = F.mse_loss(self.numbers(F.normalize(embeddings) * EMBEDDING**0.5), numbers)
        return {"loss": name + 5 * told, "name": name, "numbers": told, "right": (cosines.argmax(1) == people).float().mean()}


def batch(pictures, rng, size, is_judge):
    """Crops as the product will cut them out: key points are off a little, some pictures are mirrored; what is judged was painted, not so well."""
    chosen = rng.integers(len(pictures), size=size)
    drawn = pictures.take(pictures.pictures, chosen)
    side = pictures.set["size"]
    crops = []
    for i, picture in zip(chosen, drawn):
        points = pictures.kps[i][0]
        if is_judge:
            picture, points = worsen(picture, points, rng)
        elif rng.random() < 0.5:
            picture, points = picture[:, ::-1], points[[1, 0, 2, 4, 3]] * [-1, 1] + [side, 0]
        points = points + rng.normal(0, 0.008 * side, points.shape)
        crop = faces.crop(np.ascontiguousarray(picture), points)
        crops.append(np.clip(crop * rng.uniform(0.8, 1.2) + rng.uniform(-15, 15), 0, 255))
    return torch.from_numpy(faces.recogniser_input(crops)), torch.from_numpy(pictures.first_person[chosen])


@torch.no_grad()
def embeddings(network, pictures, device, size=256):
    """Raw embeddings of the first person of every picture, `[N,512]`."""
    rows = []
    for start in range(0, len(pictures), size):
        chosen = range(start, min(start + size, len(pictures)))
        drawn = pictures.take(pictures.pictures, chosen)
        crops = [faces.crop(picture, pictures.kps[i][0]) for i, picture in zip(chosen, drawn)]
        rows.append(network(torch.from_numpy(faces.recogniser_input(crops)).to(device)).float().cpu())
    return torch.cat(rows)


def test(network, pictures, device):
    """How alike a person's pictures are, other people's are, and how often the nearest picture is of the same person."""
    rows = F.normalize(embeddings(network, pictures, device))
    people = torch.from_numpy(pictures.first_person)
    cosines = rows @ rows.T
    is_same = people[:, None] == people[None]
    itself = torch.eye(len(people), dtype=torch.bool)
    nearest = cosines.masked_fill(itself, -2).argmax(1)
    print({
        "same": round(float(cosines[is_same & ~itself].mean()), 3),
        "others": round(float(cosines[~is_same].mean()), 3),
        "others_99%": round(float(cosines[~is_same][:1_000_000].quantile(0.99)), 3),
        "nearest_is_same": round(float((people[nearest] == people).float().mean()), 4),
    })


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--data", required=True)
    loop.arguments(train, steps=6000, batch=96, rate=1.5e-3, start="a file that export --keep has written")
    check = commands.add_parser("test")
    check.add_argument("--data", required=True, help="a set of the part val")
    export = commands.add_parser("export")
    export.add_argument("--out", required=True, type=Path)
    export.add_argument("--keep", type=Path, help="also write the weights into this file, with which training may begin")
    for command in (check, export):
        command.add_argument("--run", required=True)
    for command in (train, check, export):
        command.add_argument("--judge", action="store_true")
    args = parser.parse_args()
    torch.manual_seed(args.seed if args.command == "train" else 0)
    network = Judge() if args.judge else Embedder()
    if args.command == "train":
        pictures = Pictures(args.data, "train")
        if args.start:
            loop.begin_with(args.start, {"embedder": network})
        network.to(args.device)
        margin = Margin(*pictures.identities.shape, is_angle=not args.judge).to(args.device)

        def step(i):
            crops, people = batch(pictures, batch_rng(args.seed, i), args.batch, args.judge)
            numbers = torch.from_numpy(pictures.identities[people]).to(args.device)
            said = network(crops.to(args.device)).float()
            with torch.autocast(args.device, enabled=False):
                return margin(said, people.to(args.device), numbers)

        loop.train(args, {"embedder": network, "margin": margin}, step)
        return
    loop.load_average(args.run, {"embedder": network})
    if args.command == "test":
        test(network, Pictures(args.data, "val"), "cpu")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    if args.keep:
        loop.keep({"embedder": network}, args.keep)
    name = "mini-judge.onnx" if args.judge else "arcface_mini.onnx"
    data.write_known(args.out, data.known(args.run))
    onnx_files.export(network, torch.rand(1, 3, 112, 112) * 2 - 1, args.out / name, ["embedding"], {"input.1": {0: "None"}})


if __name__ == "__main__":
    main()
