"""An LCM-LoRA (arXiv 2311.05556): with it the frozen base arrives in about four steps, with hardly any guidance.

The teacher is the base with guidance; it takes one long DDIM step from a noisy latent towards the picture. The LoRA learns to see
from the latent the same picture that an average of itself (the target) sees from where the teacher arrives. That is the whole
guided path in one look.

export: `loras/mini-lcm.safetensors` in kohya's naming, for the samplers called LCM.
"""

import copy

import numpy as np
import torch
from torch import nn

import data
import diffusion
import loop
import lora
import sizes
from data import Pictures, batch_rng

# Timesteps of a teacher's step. Steps begin where 50 of them lead from pure noise to the picture.
SKIP = 20
STARTS = np.arange(SKIP - 1, 1000, SKIP)
# Of the boundary condition: the scale of timesteps, and the deviation of data.
SCALING, SIGMA_DATA = 10.0, 0.5
# How much the target keeps of itself in a step.
KEEP = 0.95


class Levels:
    """How much picture and how much noise there is at each timestep, `[N,1,1,1]`."""

    def __init__(self, alphas, device):
        self.alphas = alphas.to(device)

    def __call__(self, timesteps):
        alphas = self.alphas[timesteps][:, None, None, None]
        return alphas.sqrt(), (1 - alphas).sqrt()

    def picture(self, noisy, noise, timesteps):
        """What is seen when this is the noise."""
        signal, deviation = self(timesteps)
        return (noisy - deviation * noise) / signal

    def ddim(self, noisy, noise, timesteps, to):
        """A step of DDIM."""
        signal, deviation = self(to)
        return signal * self.picture(noisy, noise, timesteps) + deviation * noise

    def consistent(self, noisy, noise, timesteps):
        """What a consistency model answers; at timestep 0 that is what it is given."""
        scaled = SCALING * timesteps[:, None, None, None].float()
        square = scaled**2 + SIGMA_DATA**2
        return SIGMA_DATA**2 / square * noisy + scaled / square.sqrt() * self.picture(noisy, noise, timesteps)


def distance(a, b, c=0.001):
    """Pseudo-Huber: the square of small differences, the size of others."""
    return (((a - b) ** 2 + c**2).sqrt() - c).mean()


def install(unet):
    return lora.install(unet, sizes.LCM_RANK, (nn.Linear, nn.Conv2d), "block")


def main():
    parser, train, _ = diffusion.options(__doc__, steps=800, rate=5e-4)
    train.add_argument("--guidance", type=float, default=3.0, help="of the teacher; 1 is none (default %(default)s)")
    args = parser.parse_args()
    device = args.device
    torch.manual_seed(args.seed)
    base = diffusion.Base(args.checkpoint, device)
    student = copy.deepcopy(base.unet)
    wrappers = install(student).to(device)
    if args.command == "export":
        loop.load_average(args.run, {"lora": wrappers})
        lora.write(wrappers, args.out / "loras" / "mini-lcm.safetensors", data.known(args.run))
        return
    target = copy.deepcopy(base.unet)
    followers = install(target).to(device).requires_grad_(False)
    followers.load_state_dict(wrappers.state_dict())
    pictures = diffusion.with_latents(Pictures(args.data, "train"))
    noises = diffusion.Noise()
    levels = Levels(noises.scheduler.alphas_cumprod, device)
    nothing = base.read([""])

    def look(unet, noisy, timesteps, text):
        return unet(noisy, timesteps, text[0], added_cond_kwargs=diffusion.added(text[1])).sample.float()

    def step(i):
        rng = batch_rng(args.seed, i)
        with torch.no_grad():
            for follower, leader in zip(followers.parameters(), wrappers.parameters()):
                follower.lerp_(leader, 1 - KEEP)
            # Captions are left out now and then, as in the base's training: a little guidance is used with the LoRA too.
            _, latents, captions = diffusion.batch(pictures, rng, args.batch, base.vae.config.scaling_factor, device)
            noisy, _, timesteps = noises.add(latents, rng, STARTS)
            to = (timesteps - SKIP).clamp(min=0)
            text = base.read(captions)
            asked = look(base.unet, noisy, timesteps, text)
            without = look(base.unet, noisy, timesteps, [part.expand_as(like) for part, like in zip(nothing, text)])
            nearer = levels.ddim(noisy, without + args.guidance * (asked - without), timesteps, to)
            wanted = levels.consistent(nearer, look(target, nearer, to, text), to)
        said = levels.consistent(noisy, look(student, noisy, timesteps, text), timesteps)
        return {"loss": distance(said, wanted)}

    loop.train(args, {"lora": wrappers, "target": followers}, step)


if __name__ == "__main__":
    main()
