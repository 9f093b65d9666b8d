"""A ControlNet for edges (canny) on the frozen base. It does not look at the text, so it is half as large as IdentityNet.

export: `controlnet/mini/`.
"""

import torch
from diffusers import ControlNetModel

import data
import diffusion
import faces
import loop
import sizes
from data import Pictures, batch_rng
from instantid import controls


def new_net(unet):
    """The encoder half of the base without attention, and with the base's weights where both have them."""
    half = {key: value for key, value in sizes.UNET.items() if key not in ("sample_size", "out_channels", "up_block_types")}
    half |= {"down_block_types": ("DownBlock2D",) * 3, "mid_block_type": "UNetMidBlock2D"}
    net = ControlNetModel(**half, conditioning_embedding_out_channels=sizes.HINT)
    theirs, ours = unet.state_dict(), net.state_dict()
    net.load_state_dict({name: theirs[name] if name in theirs and theirs[name].shape == value.shape else value for name, value in ours.items()})
    return net


def main():
    parser, _, _ = diffusion.options(__doc__, steps=3000, rate=5e-4, start="the folder of models")
    args = parser.parse_args()
    device = args.device
    torch.manual_seed(args.seed)
    base = diffusion.Base(args.checkpoint, device)
    net = new_net(base.unet)
    if args.command == "export":
        loop.load_average(args.run, {"net": net})
        net.half().save_pretrained(args.out / "controlnet" / "mini")
        data.write_known(args.out / "controlnet" / "mini", data.known(args.run))
        return
    if args.start:
        net.load_state_dict(ControlNetModel.from_pretrained(args.start / "controlnet" / "mini").state_dict())
    net.to(device)
    pictures = diffusion.with_latents(Pictures(args.data, "train"))
    noises = diffusion.Noise()

    def step(i):
        rng = batch_rng(args.seed, i)
        chosen, latents, captions = diffusion.batch(pictures, rng, args.batch, base.vae.config.scaling_factor, device)
        noisy, noise, timesteps = noises.add(latents, rng)
        hint = controls([faces.canny(picture) for picture in pictures.take(pictures.pictures, chosen)], device)
        context, pooled = base.read(captions)
        added = diffusion.added(pooled)
        down, middle = net(noisy, timesteps, context, hint, added_cond_kwargs=added, return_dict=False)
        predicted = base.unet(
            noisy, timesteps, context, added_cond_kwargs=added,
            down_block_additional_residuals=down, mid_block_additional_residual=middle,
        ).sample
        return {"loss": diffusion.loss(predicted, noise)}

    loop.train(args, {"net": net}, step)


if __name__ == "__main__":
    main()
