"""What training relies on, against recorded numbers of the references: `python -m unittest` in this folder."""

import argparse
import hashlib
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

import critic
import data
import detector
import diffusion
import faces
import lcm
import loop
import lora
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


class Critic(unittest.TestCase):
    def test_captions_say_what_is_seen(self):
        plain = "a photo of a person, winking, looking left, wearing a teal shirt, plain red background, lit from behind"
        self.assertEqual(critic.seen(plain), (6, 0))
        for number, place in enumerate(critic.BACKGROUNDS[1:], 1):
            alone = f"a neon sign of a person, calm, wearing an orange jacket and glasses, {place}, lit from the left, warm light"
            self.assertEqual(critic.seen(alone), (0, number))
        two = "a photo of two people, sad, wearing a red shirt, angry, wearing a blue jacket, at sunset, lit from the front"
        self.assertEqual(critic.seen(two), (critic.NOT_ASKED, 5))

    def test_key_points_stay_where_they_are_in_worsened_pictures(self):
        points = np.float32([[40, 50], [80, 52], [62, 70], [45, 90], [75, 92]])
        self.assertEqual(critic.places(points).tolist(), [6 * 16 + 5, 6 * 16 + 10, 11 * 16 + 7])
        picture = np.full([128, 128, 3], 30, np.uint8)
        picture[46:55, 36:45] = 220
        for seed in range(8):
            worse, moved = data.worsen(picture, points, np.random.default_rng(seed))
            self.assertEqual((worse.shape, worse.min() >= 0, worse.max() <= 255), (picture.shape, True, True))
            y, x = np.nonzero(worse[:, :, 0] > 120)
            middle = [x.mean(), y.mean()]
            self.assertLess(np.abs(moved - middle).max(1).min(), 1.5)


class Lcm(unittest.TestCase):
    def test_on_a_path_that_is_known_every_answer_is_the_picture(self):
        levels = lcm.Levels(diffusion.Noise().scheduler.alphas_cumprod, "cpu")
        torch.manual_seed(0)
        picture, noise, starts = torch.randn(50, 4, 2, 2), torch.randn(50, 4, 2, 2), torch.from_numpy(lcm.STARTS)
        self.assertEqual((int(starts[0]), int(starts[-1])), (19, 999))
        signal, deviation = levels(starts)
        noisy, to = signal * picture + deviation * noise, (starts - lcm.SKIP).clamp(min=0)
        nearer = levels.ddim(noisy, noise, starts, to)
        torch.testing.assert_close(levels.consistent(noisy, noise, starts), picture, rtol=0, atol=1e-3)
        torch.testing.assert_close(levels.consistent(nearer, noise, to)[1:], picture[1:], rtol=0, atol=1e-3)
        # At timestep 0 the answer is what was given, whatever the network says.
        torch.testing.assert_close(levels.consistent(nearer, -noise, to)[0], nearer[0])

    def test_a_lora_changes_nothing_at_first_and_what_is_written_is_what_was_added(self):
        torch.manual_seed(0)
        network = nn.ModuleDict({"block": nn.ModuleDict({"conv": nn.Conv2d(4, 6, 3, 2, 1), "proj": nn.Linear(6, 5)}), "out": nn.Linear(5, 5)})
        look = lambda x: network["block"]["proj"](network["block"]["conv"](x).mean((2, 3)))
        x = torch.randn(2, 4, 8, 8)
        before = look(x)
        wrappers = lora.install(network, 2, (nn.Linear, nn.Conv2d), "block")
        self.assertEqual(list(wrappers), ["lora_unet_block_conv", "lora_unet_block_proj"])
        torch.testing.assert_close(look(x), before)
        for wrapper in wrappers.values():
            nn.init.normal_(wrapper.up.weight)
        after = look(x)
        with tempfile.TemporaryDirectory() as folder:
            lora.write(wrappers, Path(folder) / "lora.safetensors", {"split": "train", "first": 0, "people": 1})
            written = load_file(Path(folder) / "lora.safetensors")
        for name, wrapper in wrappers.items():
            up, down = (written[f"{name}.lora_{part}.weight"].float() for part in ("up", "down"))
            self.assertEqual(float(written[f"{name}.alpha"]), len(down))
            wrapper.layer.weight.data += (up.flatten(1) @ down.flatten(1)).view_as(wrapper.layer.weight)
            nn.init.zeros_(wrapper.up.weight)
        torch.testing.assert_close(look(x), after, rtol=0.01, atol=0.01)


class Known(unittest.TestCase):
    def test_networks_say_whom_they_know(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            known = {"split": "train", "first": 7, "people": 30}
            (folder / "set.json").write_text(json.dumps(known | {"pictures": 2, "size": 128}))
            with self.assertRaises(SystemExit):
                data.known(folder)
            data.know(folder, folder)
            self.assertEqual(data.known(folder), known)
            with self.assertRaises(SystemExit):
                data.write_known(folder, known | {"people": 31})


class Noise(unittest.TestCase):
    def test_a_batch_has_noise_of_every_height(self):
        noises, latents = diffusion.Noise(), torch.zeros(8, 4, 2, 2)
        seen = torch.stack([noises.add(latents, np.random.default_rng(seed))[2] for seed in range(200)])
        self.assertTrue(bool(((seen.sort(1).values // 125) == torch.arange(8)).all()))
        self.assertTrue(450 < seen.float().mean() < 550 and int(seen.max()) > 990 and int(seen.min()) < 10)
        starts = noises.add(latents, np.random.default_rng(0), lcm.STARTS)[2]
        self.assertTrue(set(starts.tolist()) <= set(lcm.STARTS.tolist()))


class Loop(unittest.TestCase):
    def train(self, folder, minutes=float("inf"), batch=1):
        torch.manual_seed(0)
        network = torch.nn.Linear(4, 1)
        args = argparse.Namespace(
            run=folder / "run", data=folder, steps=6, batch=batch, seed=1, rate=0.01, minutes=minutes, every=10.0, device="cpu", bf16=False,
        )
        step = lambda i: {"loss": (network(torch.full([1, 4], float(i))) - 1).square().mean()}
        try:
            loop.train(args, {"network": network}, step)
        except SystemExit as stop:
            if stop.code != 3:
                raise
        return network.weight.detach()

    def test_interrupted_training_ends_where_it_would_have(self):
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            for folder in one, other:
                (Path(folder) / "set.json").write_text(json.dumps({"split": "train", "first": 0, "people": 1}))
            # No time at all is one step a session.
            for minutes in (0, 0, 0):
                self.train(Path(other), minutes)
            torch.testing.assert_close(self.train(Path(one)), self.train(Path(other)), rtol=0, atol=0)

    def test_a_training_goes_on_only_as_it_was_begun(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            (folder / "set.json").write_text(json.dumps({"split": "train", "first": 0, "people": 1}))
            self.train(folder, 0)
            with self.assertRaisesRegex(SystemExit, "--batch 1"):
                self.train(folder, batch=2)


if __name__ == "__main__":
    unittest.main()
