"""InstantID in small: with the base frozen, the Image Adapter and IdentityNet learn the paper's objective (arXiv 2401.07519), in
which timesteps are weighted by what they say of who is seen.

The embedding is that of another picture of the same person, so that nothing but who it is can be learned from it; key points are
those of the picture itself. Now and then the embedding is zero, which is what guidance compares with.

export: `instantid/mini.safetensors` and `controlnet/mini-identitynet/`.
"""

import json

import numpy as np
import torch
from diffusers import ControlNetModel
from safetensors.torch import load_file, save_file

import adapter
import data
import diffusion
import faces
import loop
import sizes
from data import Pictures, batch_rng


def controls(drawn, device):
    """Pictures for a ControlNet, u8 `[N,H,W,3]`, as f32 `[N,3,H,W]` in 0..1."""
    return torch.from_numpy(np.float32(drawn).transpose(0, 3, 1, 2) / 255).to(device)


def main():
    parser, _, _ = diffusion.options(__doc__, "a set with latents and embeddings", steps=10000, rate=5e-4, start="the folder of models")
    args = parser.parse_args()
    device = args.device
    torch.manual_seed(args.seed)
    base = diffusion.Base(args.checkpoint, device)
    net = ControlNetModel.from_unet(base.unet, conditioning_embedding_out_channels=sizes.HINT)
    layers = adapter.install(base.unet, sizes.CONTEXT)
    modules = {"net": net, "image_proj": adapter.Resampler(**sizes.RESAMPLER), "ip_adapter": layers}
    if args.command == "export":
        loop.load_average(args.run, modules)
        write(modules, args.out, data.known(args.run))
        return
    if args.start:
        read(modules, args.start)
    net, resampler, _ = [module.to(device).requires_grad_(True).train() for module in modules.values()]
    pictures = diffusion.with_latents(Pictures(args.data, "train"))
    embeddings = pictures.beside("embeddings")
    noises = diffusion.Noise()

    def step(i):
        rng = batch_rng(args.seed, i)
        chosen, latents, captions = diffusion.batch(pictures, rng, args.batch, base.vae.config.scaling_factor, device, 0.05, pictures.alone)
        noisy, noise, timesteps = noises.add(latents, rng)
        others = [pictures.another_of(j, rng) for j in chosen]
        rows = np.float32(pictures.take(embeddings, others)) * (rng.random([args.batch, 1]) > 0.1)
        tokens = resampler(torch.from_numpy(np.float32(rows))[:, None].to(device))
        hint = controls([faces.draw_kps(sizes.PICTURE, sizes.PICTURE, pictures.kps[j]) for j in chosen], device)
        context, pooled = base.read(captions)
        added = diffusion.added(pooled)
        down, middle = net(noisy, timesteps, tokens, hint, added_cond_kwargs=added, return_dict=False)
        predicted = base.unet(
            noisy, timesteps, context, added_cond_kwargs=added, cross_attention_kwargs={"ip_hidden_states": tokens},
            down_block_additional_residuals=down, mid_block_additional_residual=middle,
        ).sample
        return {"loss": diffusion.loss(predicted, noise, noises.weights_of_content(timesteps)), "plain": diffusion.loss(predicted, noise)}

    loop.train(args, modules, step)


def read(modules, models):
    tensors = load_file(models / "instantid" / "mini.safetensors")
    for part in ("image_proj", "ip_adapter"):
        modules[part].load_state_dict({name.removeprefix(part + "."): value for name, value in tensors.items() if name.startswith(part)})
    modules["net"].load_state_dict(ControlNetModel.from_pretrained(models / "controlnet" / "mini-identitynet").state_dict())


def write(modules, out, people):
    tensors = {f"image_proj.{name}": value for name, value in modules["image_proj"].state_dict().items()}
    tensors |= {f"ip_adapter.{name}": value for name, value in modules["ip_adapter"].state_dict().items()}
    (out / "instantid").mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in tensors.items()}, out / "instantid" / "mini.safetensors", metadata={"people": json.dumps(people)})
    net = out / "controlnet" / "mini-identitynet"
    modules["net"].half().save_pretrained(net)
    data.write_known(net, people)


if __name__ == "__main__":
    main()
