"""What training of the base and of everything on top of it shares: the noise, the text, the added conditions, the loss."""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

import loop
import sizes
import tokenizer

# Attentions here are so small that on a processor plain matrix products are faster than the fused kernel.
torch.backends.cuda.enable_flash_sdp(torch.cuda.is_available())

# How weights are read: as f32 whatever the file holds, without another library.
EXACT = dict(torch_dtype=torch.float32, low_cpu_mem_usage=False)


class Text(nn.Module):
    """SDXL's two text encoders: of each the last hidden layer but one, side by side; of the second the pooled vector."""

    def __init__(self, vocabulary):
        super().__init__()
        shared = dict(vocab_size=vocabulary, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1)
        self.one = CLIPTextModel(config(sizes.TEXT, hidden_act="quick_gelu", pad_token_id=vocabulary - 1, **shared))
        self.two = CLIPTextModelWithProjection(config(sizes.TEXT_2, hidden_act="gelu", pad_token_id=0, **shared))

    def forward(self, ids, ids_2):
        """Context `[N,77,CONTEXT]`, pooled `[N,width of the second]`."""
        one = self.one(ids, output_hidden_states=True)
        two = self.two(ids_2, output_hidden_states=True)
        return torch.cat([one.hidden_states[-2], two.hidden_states[-2]], -1), two.text_embeds


def config(size, **others):
    return CLIPTextConfig(
        hidden_size=size["width"], intermediate_size=4 * size["width"], num_hidden_layers=size["layers"],
        num_attention_heads=size["heads"], projection_dim=size["width"], max_position_embeddings=77, **others,
    )


def options(description, data="a set with latents", **training):
    """The command line of what is trained on top of the base: the parser, and its commands train and export."""
    parser = argparse.ArgumentParser(description=description)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--data", required=True, help=data)
    loop.arguments(train, batch=32, **training)
    export = commands.add_parser("export")
    export.add_argument("--run", required=True)
    export.add_argument("--out", required=True, type=Path, help="the folder of models")
    export.set_defaults(seed=0, device="cpu")
    for command in (train, export):
        command.add_argument("--checkpoint", required=True, help="the trained base")
    return parser, train, export


class Words:
    """Both tokenizers of a checkpoint folder, over whole captions."""

    def __init__(self, checkpoint):
        self.both = [tokenizer.load(Path(checkpoint) / name) for name in ("tokenizer", "tokenizer_2")]

    def __call__(self, captions, device):
        return [tokenizer.encode(one, captions).to(device) for one in self.both]


class Base:
    """A trained and frozen checkpoint."""

    def __init__(self, checkpoint, device):
        checkpoint = Path(checkpoint)
        self.words, self.device = Words(checkpoint), device
        frozen = lambda module: module.to(device).float().eval().requires_grad_(False)
        self.unet = frozen(UNet2DConditionModel.from_pretrained(checkpoint / "unet", **EXACT))
        self.text = Text(len(self.words.both[0]))
        self.text.one = CLIPTextModel.from_pretrained(checkpoint / "text_encoder", dtype=torch.float32)
        self.text.two = CLIPTextModelWithProjection.from_pretrained(checkpoint / "text_encoder_2", dtype=torch.float32)
        frozen(self.text)
        self.vae = frozen(AutoencoderKL.from_pretrained(checkpoint / "vae", **EXACT))

    @torch.no_grad()
    def read(self, captions):
        return self.text(*self.words(captions, self.device))


class Noise:
    """SDXL's training noise."""

    def __init__(self):
        self.scheduler = DDPMScheduler(**sizes.SCHEDULER)

    def add(self, latents, rng, among=1000):
        """Noisy latents, the noise, the timesteps (of a list, or below a number); all that is random comes from `rng`.

        Each timestep is as likely as any other, but a batch has some of every height: its loss says more of the whole.
        """
        noise = torch.from_numpy(rng.standard_normal(latents.shape, np.float32)).to(latents.device)
        among = np.arange(among) if np.isscalar(among) else np.asarray(among)
        heights = (rng.permutation(len(latents)) + rng.random(len(latents))) / len(latents)
        timesteps = torch.from_numpy(among[(heights * len(among)).astype(np.int64)]).to(latents.device)
        return self.scheduler.add_noise(latents, noise, timesteps), noise, timesteps

    def weights(self, timesteps):
        """What a timestep counts when the base is trained: min(5 / signal to noise, 1). Source: arXiv 2303.09556, section 3.4."""
        kept = self.kept(timesteps)
        return (5 * (1 - kept) / kept).clamp(max=1)

    def weights_of_content(self, timesteps):
        """What it counts when somebody is learned: 1 / (1 + signal to noise). Source: P2, arXiv 2204.00227, equation 9, with k = gamma = 1.

        Where there is little noise, a loss is large and says next to nothing of who is seen.
        """
        return 1 - self.kept(timesteps)

    def kept(self, timesteps):
        return self.scheduler.alphas_cumprod.to(timesteps.device)[timesteps]


def added(pooled):
    """SDXL's added conditions: original height and width, crop, wanted height and width."""
    numbers = torch.tensor([[sizes.PICTURE, sizes.PICTURE, 0, 0, sizes.PICTURE, sizes.PICTURE]], dtype=torch.float32)
    return {"text_embeds": pooled, "time_ids": numbers.repeat(len(pooled), 1).to(pooled.device)}


def batch(pictures, rng, size, scale, device, drop=0.1, among=None):
    """Places in the set, scaled latents, captions: whole, with clauses left out, or none at all (for guidance)."""
    chosen = rng.integers(len(pictures), size=size) if among is None else rng.choice(among, size)
    latents = torch.from_numpy(np.float32(pictures.take(pictures.beside_latents, chosen))) * scale
    captions = []
    for i in chosen:
        whole = pictures.captions if rng.random() < 0.5 else pictures.short_captions
        captions.append("" if rng.random() < drop else whole[i])
    return chosen, latents.to(device), captions


def with_latents(pictures):
    pictures.beside_latents = pictures.beside("latents")
    return pictures


def loss(predicted, noise, weights=None):
    """InstantID's: the mean square of what is left of the noise; of each picture it may be weighted."""
    squares = F.mse_loss(predicted.float(), noise, reduction="none").mean((1, 2, 3))
    return (squares if weights is None else squares * weights).mean()
