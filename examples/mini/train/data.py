"""Data sets written by `mini-world set`, and the one rule about them: nothing learns from people who are there for judging."""

import json
from pathlib import Path

import cv2
import numpy as np


# Beside networks: of whom they have learned, so that nobody is judged by people they know.
KNOWN = "people.json"


def know(run, data):
    """Writes into the folder of a run on whose pictures it learns."""
    known = json.loads((Path(data) / "set.json").read_text())
    write_known(run, {key: known[key] for key in ("split", "first", "people")})


def known(run):
    """What is written there."""
    path = Path(run) / KNOWN
    if not path.exists():
        raise SystemExit(f"{path} is not there: train first")
    return json.loads(path.read_text())


def write_known(folder, people):
    """Writes it beside networks. All that are in a folder have learned from the same people."""
    path = Path(folder) / KNOWN
    if path.exists() and json.loads(path.read_text()) != people:
        raise SystemExit(f"{path}: what is there has learned from others than {people}: take another folder")
    path.write_text(json.dumps(people, indent=2))


class Pictures:
    """All pictures of a set, in main memory only where they are looked at."""

    def __init__(self, folder, split):
        folder = Path(folder)
        self.set = json.loads((folder / "set.json").read_text())
        if self.set["split"] != split:
            raise SystemExit(f"{folder}: its people are of the part {self.set['split']}, expected {split}")
        self.shards = sorted(folder.glob("*.pictures.npy"))
        self.pictures = [np.load(shard, mmap_mode="r") for shard in self.shards]
        self.faces = self.beside("faces")
        self.starts = np.cumsum([0] + [len(shard) for shard in self.pictures])
        wanted = self.set["people"] * self.set["pictures"]
        if self.starts[-1] != wanted:
            raise SystemExit(f"{folder}: {self.starts[-1]} pictures, expected {wanted} (was it written to the end?)")
        self.captions, self.short_captions, self.styles = [], [], []
        self.style_phrases = {}
        self.people, self.bboxes, self.kps = [], [], []
        identities = {}
        for shard in self.shards:
            for line in open(str(shard).replace("pictures.npy", "jsonl")):
                row = json.loads(line)
                self.captions.append(row["caption"])
                self.short_captions.append(row["short_caption"])
                self.styles.append(row["style"])
                self.style_phrases[row["style"]] = row["style_phrase"]
                self.people.append([person["person"] for person in row["people"]])
                self.bboxes.append(np.float32([person["bbox"] for person in row["people"]]))
                self.kps.append(np.float32([person["kps"] for person in row["people"]]))
                identities |= {person["person"] - self.set["first"]: person["identity"] for person in row["people"]}
        self.alone = np.flatnonzero([len(people) == 1 for people in self.people])
        self.first_person = np.int64([people[0] - self.set["first"] for people in self.people])
        # The numbers of who somebody is, as shares of how much people differ.
        self.identities = np.float32([identities[person] for person in range(self.set["people"])])
        self.identities = (self.identities - self.identities.mean(0)) / (self.identities.std(0) + 1e-6)
        self.of_person = [[] for _ in range(self.set["people"])]
        for i, person in enumerate(self.first_person):
            self.of_person[person].append(i)

    def __len__(self):
        return int(self.starts[-1])

    def beside(self, what):
        """Arrays that lie beside the pictures, a shard each."""
        return [np.load(str(shard).replace("pictures.npy", f"{what}.npy"), mmap_mode="r") for shard in self.shards]

    def take(self, shards, indices):
        """Rows of arrays that are in shards, as one array."""
        indices = np.asarray(indices)
        shard = np.searchsorted(self.starts, indices, side="right") - 1
        return np.stack([shards[s][i - self.starts[s]] for s, i in zip(shard, indices)])

    def another_of(self, index, rng):
        """Another picture of the first person of a picture."""
        others = self.of_person[self.first_person[index]]
        return int(rng.choice([i for i in others if i != index] or others))


def batch_rng(seed, step):
    """Random numbers of a step, whether or not training was interrupted before it."""
    return np.random.default_rng([seed, step])


def worsen(picture, points, rng):
    """A picture u8 as it may come out of a sampler, and where its key points are then; nothing else that is asked changes."""
    height, width = picture.shape[:2]
    if rng.random() < 0.5:
        picture, points = np.ascontiguousarray(picture[:, ::-1]), points[[1, 0, 2, 4, 3]] * [-1, 1] + [width, 0]
    shift = rng.uniform(-6, 6, 2)
    picture = cv2.warpAffine(picture, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), (width, height), borderMode=cv2.BORDER_REFLECT_101)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture, (5, 5), rng.uniform(0.3, 1.2))
    picture = picture * np.float32(rng.uniform(0.85, 1.15)) + np.float32(rng.uniform(-12, 12))
    if rng.random() < 0.5:
        picture += rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0, 8))
    return picture.clip(0, 255), points + shift
