"""The base: an SDXL in small, trained on captions that say nothing of who is seen. UNet and both text encoders learn together.

export: the checkpoint folder in diffusers' layout; `vae/` is there already.
"""

import argparse
import json
import subprocess
from pathlib import Path

import torch
from diffusers import EulerDiscreteScheduler, UNet2DConditionModel

import data
import diffusion
import loop
import sizes
import tokenizer
from data import Pictures, batch_rng


def write_tokenizers(checkpoint, world):
    words = subprocess.run([world, "words"], check=True, capture_output=True, text=True).stdout.split()
    tokenizer.write(checkpoint / "tokenizer", words, pad=tokenizer.EOS)
    tokenizer.write(checkpoint / "tokenizer_2", words, pad="!")


def model_index():
    parts = {
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "tokenizer_2": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    return {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": False} | parts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train")
    train.add_argument("--world", default="mini-world", help="the program, which knows all words of captions")
    loop.arguments(train, steps=16000, batch=32, rate=1e-3, start="a whole checkpoint")
    export = commands.add_parser("export")
    export.add_argument("--run", required=True)
    train.add_argument("--data", required=True, help="a set with latents")
    train.add_argument("--unet", action="store_true", help="only the UNet learns, which is a fifth faster; for the end of a training")
    for command in (train, export):
        command.add_argument("--checkpoint", required=True, type=Path, help="folder with vae/; tokenizers are written when training begins")
    args = parser.parse_args()
    if args.command == "train":
        write_tokenizers(args.checkpoint, args.world)
    words = diffusion.Words(args.checkpoint)
    torch.manual_seed(args.seed if args.command == "train" else 0)
    modules = {"unet": UNet2DConditionModel(**sizes.UNET), "text": diffusion.Text(len(words.both[0]))}
    if args.command == "export":
        loop.load_average(args.run, modules)
        modules["unet"].half().save_pretrained(args.checkpoint / "unet")
        modules["text"].one.half().save_pretrained(args.checkpoint / "text_encoder")
        modules["text"].two.half().save_pretrained(args.checkpoint / "text_encoder_2")
        EulerDiscreteScheduler(**sizes.SCHEDULER).save_pretrained(args.checkpoint / "scheduler")
        (args.checkpoint / "model_index.json").write_text(json.dumps(model_index(), indent=2))
        data.write_known(args.checkpoint, data.known(args.run))
        return
    if args.start:
        begun = diffusion.Base(args.start, "cpu")
        modules["unet"].load_state_dict(begun.unet.state_dict())
        modules["text"].load_state_dict(begun.text.state_dict())
    pictures = diffusion.with_latents(Pictures(args.data, "train"))
    scale = json.loads((args.checkpoint / "vae" / "config.json").read_text())["scaling_factor"]
    unet, text = [module.to(args.device) for module in modules.values()]
    text.requires_grad_(not args.unet)
    noises = diffusion.Noise()

    def step(i):
        rng = batch_rng(args.seed, i)
        _, latents, captions = diffusion.batch(pictures, rng, args.batch, scale, args.device)
        noisy, noise, timesteps = noises.add(latents, rng)
        context, pooled = text(*words(captions, args.device))
        predicted = unet(noisy, timesteps, context, added_cond_kwargs=diffusion.added(pooled)).sample
        return {"loss": diffusion.loss(predicted, noise, noises.weights(timesteps)), "plain": diffusion.loss(predicted, noise)}

    loop.train(args, modules, step)


if __name__ == "__main__":
    main()
