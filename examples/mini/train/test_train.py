"""What training relies on, against recorded numbers of the references: `python -m unittest` in this folder."""

import argparse
import hashlib
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import detector
import faces
import loop
import tokenizer

KPS = [(133.046875, 318), (319.3125, 318), (221.0625, 422), (153.515625, 535), (298.84375, 537)]


class Faces(unittest.TestCase):
    def test_key_points_are_drawn_as_by_instantid(self):
        digest = hashlib.sha256(faces.draw_kps(512, 640, [KPS]).tobytes()).hexdigest()
        self.assertEqual(digest, "354c87dfc928fc883b2794befa837c617a0fbc6e3ae09a616f9ddcf5339828bb")

    def test_faces_are_aligned_as_by_insightface(self):
        wanted = [[0.189101190, 0.00142537842, 12.8416351], [-0.00142537842, 0.189101190, -8.33539447]]
        np.testing.assert_allclose(faces.similarity(KPS), wanted, rtol=1e-5)


class Detector(unittest.TestCase):
    def test_what_is_wanted_decodes_to_the_face(self):
        box, points = np.float32([40, 30, 100, 110]), np.float32([[50, 60], [90, 60], [70, 80], [55, 95], [85, 95]])
        for level, (is_face, wanted) in enumerate(detector.targets([box], [points], 160)):
            stride = detector.STRIDES[level]
            # A face of 80 px is for the second level only.
            self.assertEqual(is_face.any(), level == 1)
            for anchor in np.flatnonzero(is_face):
                cell = anchor // detector.ANCHORS
                x, y = cell % (160 // stride) * stride, cell // (160 // stride) * stride
                left, top, right, bottom = wanted[anchor, :4] * stride
                np.testing.assert_allclose([x - left, y - top, x + right, y + bottom], box, atol=1e-4)
                np.testing.assert_allclose(wanted[anchor, 4:].reshape(5, 2) * stride + [x, y], points, atol=1e-4)


class Words(unittest.TestCase):
    def test_known_words_are_one_token_and_others_are_spelled(self):
        words = ["a", "an", "and", "person", "portrait", "people"]
        with tempfile.TemporaryDirectory() as folder:
            count = tokenizer.write(folder, words, pad="!")
            loaded = tokenizer.load(folder)
            for word in words:
                self.assertEqual(loaded.tokenize(word), [word + "</w>"])
            self.assertEqual("".join(loaded.tokenize("dragon")), "dragon</w>")
            ids = tokenizer.encode(loaded, ["a person"])
        self.assertEqual((ids.shape[1], int(ids[0, 0]), int(ids[0, 3]), int(ids[0, -1])), (77, count - 2, count - 1, 0))


class Loop(unittest.TestCase):
    def test_interrupted_training_ends_where_it_would_have(self):
        def weights(folder, sessions):
            for minutes in sessions:
                torch.manual_seed(0)
                network = torch.nn.Linear(4, 1)
                args = argparse.Namespace(run=Path(folder), steps=6, rate=0.01, minutes=minutes, every=10.0)
                step = lambda i: {"loss": (network(torch.full([1, 4], float(i))) - 1).square().mean()}
                try:
                    loop.train(args, {"network": network}, step)
                except SystemExit as stop:
                    self.assertEqual(stop.code, 3)
            return network.weight.detach()

        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            # No time at all is one step a session.
            interrupted = weights(other, [0, 0, 0, float("inf")])
            torch.testing.assert_close(weights(one, [float("inf")]), interrupted, rtol=0, atol=0)


if __name__ == "__main__":
    unittest.main()
