"""A face detector in the layout of insightface's SCRFD exports (arXiv 2105.04714): score, box and key points at strides 8, 16 and 32.

It takes squares of 256 px and nothing else, as some of insightface's exports do: all it learns is spent on faces of the size that
pictures of 128 px have when they are enlarged to that.

train: canvases with one to nine pictures on each, so that faces of groups are seen too.
export: `scrfd_mini.onnx`, nine outputs, scores after the sigmoid, distances in strides.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import data
import loop
import onnx_files
from data import Pictures, batch_rng

STRIDES, ANCHORS = (8, 16, 32), 2
# The longest side of a face (px) up to which a stride is responsible for it.
REACH = (64, 192, 1e9)
# Pixels a side of what it takes.
SIDE = 256


def conv(inputs, outputs, stride=1):
    """Depthwise, then pointwise."""
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )


class Detector(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), conv(16, 32, 2))
        self.levels = nn.ModuleList([
            nn.Sequential(conv(32, width, 2), conv(width, width), conv(width, width)),
            nn.Sequential(conv(width, 2 * width, 2), conv(2 * width, 2 * width)),
            nn.Sequential(conv(2 * width, 2 * width, 2), conv(2 * width, 2 * width), conv(2 * width, 2 * width)),
        ])
        self.sides = nn.ModuleList([nn.Conv2d(channels, width, 1) for channels in (width, 2 * width, 2 * width)])
        self.smooth = nn.ModuleList([conv(width, width) for _ in STRIDES])
        self.heads = nn.ModuleList([nn.Sequential(conv(width, width), nn.Conv2d(width, ANCHORS * 15, 1)) for _ in STRIDES])
        for head in self.heads:
            # One place in a hundred is a face at first, two strides wide to each side.
            bias = head[-1].bias.data.view(ANCHORS, 15)
            bias[:, 0], bias[:, 1:5], bias[:, 5:] = -4.6, 2.0, 0.0

    def forward(self, pictures):
        """Nine tensors: scores, boxes, key points of each stride, `[N*rows*columns*2, 1 | 4 | 10]`, as exports give them."""
        maps, x = [], self.stem(pictures)
        for level in self.levels:
            x = level(x)
            maps.append(x)
        maps = [side(level) for side, level in zip(self.sides, maps)]
        for i in (1, 0):
            maps[i] = maps[i] + F.interpolate(maps[i + 1], scale_factor=2.0, mode="nearest")
        said = [head(smooth(level)).permute(0, 2, 3, 1).reshape(-1, 15) for head, smooth, level in zip(self.heads, self.smooth, maps)]
        return (
            *[rows[:, :1].sigmoid() for rows in said],
            *[rows[:, 1:5].clamp(min=0) for rows in said],
            *[rows[:, 5:] for rows in said],
        )


def canvas(pictures, rng, side=SIDE):
    """A canvas RGB u8 with faces on it, some as unsharp as painted ones are: boxes `[N,4]`, key points `[N,5,2]`."""
    across = int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))
    cell = side / across
    picture = np.full([side, side, 3], rng.integers(0, 256, 3), np.uint8)
    boxes, kps = [], []
    for place in range(across * across):
        if rng.random() < 0.15:
            continue
        i = int(rng.integers(len(pictures)))
        size = int(cell * rng.uniform(0.6, 1.0)) if rng.random() < 0.7 else int(cell)
        left = int((place % across) * cell + rng.uniform(0, cell - size))
        top = int((place // across) * cell + rng.uniform(0, cell - size))
        drawn = pictures.take(pictures.pictures, [i])[0]
        if rng.random() < 0.4:
            drawn = cv2.GaussianBlur(drawn, (5, 5), rng.uniform(0.3, 1.2))
        drawn = cv2.resize(drawn, (size, size), interpolation=cv2.INTER_LINEAR)
        scale = size / pictures.set["size"]
        box, points = pictures.bboxes[i] * scale, pictures.kps[i] * scale
        if rng.random() < 0.5:
            drawn = drawn[:, ::-1]
            box = np.stack([size - box[:, 2], box[:, 1], size - box[:, 0], box[:, 3]], 1)
            points = points[:, [1, 0, 2, 4, 3]] * [-1, 1] + [size, 0]
        picture[top : top + size, left : left + size] = drawn
        boxes.append(box + [left, top, left, top])
        kps.append(points + [left, top])
    picture = np.clip(picture * rng.uniform(0.7, 1.2) + rng.uniform(-25, 25), 0, 255)
    boxes = np.concatenate(boxes) if boxes else np.zeros([0, 4])
    kps = np.concatenate(kps) if kps else np.zeros([0, 5, 2])
    return picture, np.float32(boxes), np.float32(kps)


def targets(boxes, kps, side=SIDE):
    """What the anchors of a canvas should say: for each stride whether there is a face, its distances, its key points, in strides."""
    rows = []
    for level, stride in enumerate(STRIDES):
        cells = side // stride
        centres = np.stack(np.meshgrid(np.arange(cells), np.arange(cells)), -1).reshape(-1, 2).astype(np.float32) * stride
        is_face, wanted = np.zeros(len(centres), np.float32), np.zeros([len(centres), 14], np.float32)
        for box, points in zip(boxes, kps):
            longest = max(box[2] - box[0], box[3] - box[1])
            least = REACH[level - 1] if level else 0
            if not least < longest <= REACH[level]:
                continue
            middle, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            near = (np.abs(centres - middle) < np.maximum(0.22 * size, 0.6 * stride)).all(1)
            is_face[near] = 1
            sides = np.concatenate([centres[near] - box[:2], box[2:] - centres[near]], 1)
            wanted[near] = np.concatenate([sides, (points[None] - centres[near][:, None]).reshape(-1, 10)], 1) / stride
        rows.append((np.repeat(is_face, ANCHORS), np.repeat(wanted, ANCHORS, 0)))
    return rows


def overlap(a, b):
    """Generalised IoU of boxes given as distances from one place."""
    shared = (torch.minimum(a[:, :2], b[:, :2]) + torch.minimum(a[:, 2:], b[:, 2:])).clamp(min=0).prod(1)
    hull = (torch.maximum(a[:, :2], b[:, :2]) + torch.maximum(a[:, 2:], b[:, 2:])).prod(1)
    union = (a[:, :2] + a[:, 2:]).prod(1) + (b[:, :2] + b[:, 2:]).prod(1) - shared
    return shared / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


def losses(said, wanted):
    """Focal loss of scores, generalised IoU of boxes, distances of key points as shares of the box."""
    score, box, points, count = 0.0, 0.0, 0.0, 0
    for level in range(len(STRIDES)):
        is_face, place = wanted[level]
        p = said[level][:, 0].clamp(1e-5, 1 - 1e-5)
        hit = is_face > 0.5
        focal = torch.where(hit, -0.25 * (1 - p) ** 2 * p.log(), -0.75 * p**2 * (1 - p).log())
        score = score + focal.sum()
        count += int(hit.sum())
        if hit.any():
            box = box + (1 - overlap(said[3 + level][hit], place[hit, :4])).sum()
            size = (place[hit, :2] + place[hit, 2:4]).mean(1, keepdim=True)
            points = points + F.smooth_l1_loss(said[6 + level][hit] / size, place[hit, 4:] / size, beta=0.02, reduction="none").mean(1).sum()
    count = max(1, count)
    parts = {"score": score / count, "box": box / count, "kps": points / count}
    return {"loss": parts["score"] + parts["box"] + 20 * parts["kps"]} | parts


def network_input(pictures):
    return torch.from_numpy((np.float32(pictures).transpose(0, 3, 1, 2) - 127.5) / 128)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--data", required=True)
    loop.arguments(train, steps=8000, batch=8, rate=2e-3, start="a file that export --keep has written")
    export = commands.add_parser("export")
    export.add_argument("--run", required=True)
    export.add_argument("--out", required=True, type=Path)
    export.add_argument("--keep", type=Path, help="also write the weights into this file, with which training may begin")
    args = parser.parse_args()
    if args.command == "export":
        network = Detector()
        loop.load_average(args.run, {"detector": network})
        if args.keep:
            loop.keep({"detector": network}, args.keep)
        args.out.mkdir(parents=True, exist_ok=True)
        names = [f"{what}_{stride}" for what in ("score", "bbox", "kps") for stride in STRIDES]
        data.write_known(args.out, data.known(args.run))
        onnx_files.export(network, torch.rand(1, 3, SIDE, SIDE) * 2 - 1, args.out / "scrfd_mini.onnx", names, {})
        return
    torch.manual_seed(args.seed)
    pictures, network = Pictures(args.data, "train"), Detector().to(args.device)
    if args.start:
        loop.begin_with(args.start, {"detector": network})

    def step(i):
        rng = batch_rng(args.seed, i)
        drawn = [canvas(pictures, rng) for _ in range(args.batch)]
        wanted = [targets(boxes, kps) for _, boxes, kps in drawn]
        wanted = [[torch.from_numpy(np.concatenate([w[level][part] for w in wanted])).to(args.device) for part in (0, 1)] for level in range(3)]
        return losses(network(network_input([picture for picture, _, _ in drawn]).to(args.device)), wanted)

    loop.train(args, {"detector": network}, step)


if __name__ == "__main__":
    main()
