"""A LoRA (arXiv 2106.09685) that draws everything in one style, whatever the caption asks for, on the frozen base.

export: `loras/mini-NAME.safetensors` in kohya's naming.
"""

import json

import torch
from safetensors.torch import save_file
from torch import nn

import data
import diffusion
import loop
import sizes
from data import Pictures, batch_rng


class Lora(nn.Module):
    """A linear layer or a convolution that is frozen, and what is added to it."""

    def __init__(self, layer, rank):
        super().__init__()
        self.layer = layer
        if isinstance(layer, nn.Conv2d):
            side = layer.kernel_size[0]
            self.down = nn.Conv2d(layer.in_channels, rank, side, layer.stride, layer.padding, bias=False)
            self.up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        else:
            side = 1
            self.down = nn.Linear(layer.in_features, rank, bias=False)
            self.up = nn.Linear(rank, layer.out_features, bias=False)
        nn.init.normal_(self.down.weight, std=1 / (rank * side))
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.layer(x) + self.up(self.down(x))


def install(unet, rank, kinds, where):
    """Wraps the layers of these kinds that have `where` in their names. Gives the wrappers by kohya's names."""
    wrappers = nn.ModuleDict()
    for name, module in list(unet.named_modules()):
        if where in name and isinstance(module, kinds):
            parent, _, last = name.rpartition(".")
            wrapper = Lora(module, rank)
            setattr(unet.get_submodule(parent), last, wrapper)
            wrappers["lora_unet_" + name.replace(".", "_")] = wrapper
    return wrappers


def main():
    parser, train, export = diffusion.options(__doc__, steps=1200, rate=1e-3)
    train.add_argument("--style", default="pencil drawing", help="as captions call it (default %(default)s)")
    export.add_argument("--name", required=True)
    args = parser.parse_args()
    device = args.device
    torch.manual_seed(args.seed)
    base = diffusion.Base(args.checkpoint, device)
    wrappers = install(base.unet, sizes.LORA_RANK, nn.Linear, "transformer_blocks").to(device)
    if args.command == "export":
        loop.load_average(args.run, {"lora": wrappers})
        write(wrappers, args.out / "loras" / f"mini-{args.name}.safetensors", data.known(args.run))
        return
    pictures = diffusion.with_latents(Pictures(args.data, "train"))
    phrases = list(pictures.style_phrases.values())
    if args.style not in phrases:
        raise SystemExit(f"--style {args.style}: expected one of {', '.join(phrases)}")
    places = [i for i, style in enumerate(pictures.styles) if pictures.style_phrases[style] == args.style]
    noises = diffusion.Noise()

    def step(i):
        rng = batch_rng(args.seed, i)
        chosen = rng.choice(places, args.batch)
        latents = torch.from_numpy(pictures.take(pictures.beside_latents, chosen)).float().to(device) * base.vae.config.scaling_factor
        # The caption asks for any style; the picture always has the one.
        captions = [pictures.captions[j].replace(args.style, phrases[int(rng.integers(len(phrases)))]) for j in chosen]
        noisy, noise, timesteps = noises.add(latents, rng)
        context, pooled = base.read(captions)
        predicted = base.unet(noisy, timesteps, context, added_cond_kwargs=diffusion.added(pooled)).sample
        return {"loss": diffusion.loss(predicted, noise)}

    loop.train(args, {"lora": wrappers}, step)


def write(wrappers, path, people):
    tensors, rank = {}, 0
    for name, wrapper in wrappers.items():
        rank = len(wrapper.down.weight)
        tensors[f"{name}.lora_down.weight"] = wrapper.down.weight.half().contiguous()
        tensors[f"{name}.lora_up.weight"] = wrapper.up.weight.half().contiguous()
        tensors[f"{name}.alpha"] = torch.tensor(float(rank)).half()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata={"ss_network_dim": str(rank), "ss_network_alpha": str(float(rank)), "people": json.dumps(people)})


if __name__ == "__main__":
    main()
