"""The loop that all training has: warm-up, cosine, an average of the weights, checkpoints, a log; it goes on where it was stopped."""

import json
import math
import os
import time
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import data


def arguments(parser, steps, batch, rate, start=None):
    """The options that all training has; `start` tells what exported networks of an earlier training may be begun with, if any."""
    if start:
        parser.add_argument("--start", type=Path, help=f"begin with the weights of an earlier training: {start}")
    parser.add_argument("--run", required=True, type=Path, help="folder of checkpoints and log; training goes on from what is there")
    parser.add_argument("--steps", type=int, default=steps, help="steps in all (default %(default)s)")
    parser.add_argument("--batch", type=int, default=batch, help="examples in a step (default %(default)s)")
    parser.add_argument("--rate", type=float, default=rate, help="highest learning rate (default %(default)s)")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long, with a checkpoint and exit status 3")
    parser.add_argument("--every", type=float, default=10.0, help="minutes between checkpoints (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of weights and batches (default %(default)s)")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bf16", action="store_true", help="networks compute in bf16, weights stay f32; half the time on processors that can")


def train(args, modules, step, decay=0.9995):
    """Trains every parameter of `modules` (by name) that wants a gradient; `step(i)` gives a dictionary of losses, `loss` is what is lowered."""
    args.run.mkdir(parents=True, exist_ok=True)
    data.know(args.run, args.data)
    parameters = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=args.rate, betas=(0.9, 0.99), weight_decay=0.01)
    averages = {name: snapshot(module) for name, module in modules.items()}
    first, seconds = resume(args, modules, optimizer, averages)
    begun = saved = time.time()
    sums = {}
    for i in range(first, args.steps):
        for group in optimizer.param_groups:
            group["lr"] = args.rate * schedule(i, args.steps)
        with torch.autocast(args.device, torch.bfloat16, enabled=args.bf16):
            losses = step(i)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        follow(averages, modules, min(decay, (1 + i) / (10 + i)))
        for name, value in losses.items():
            sums.setdefault(name, []).append(float(torch.as_tensor(value).detach()))
        now = time.time()
        is_last = i + 1 == args.steps or now - begun > args.minutes * 60
        if is_last or (i + 1) % 50 == 0:
            line = {"step": i + 1, "seconds": round(seconds + now - begun, 1), "rate": optimizer.param_groups[0]["lr"]}
            line |= {name: round(sum(values) / len(values), 5) for name, values in sums.items()}
            sums = {}
            with open(args.run / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            print(line, flush=True)
        if is_last or now - saved > args.every * 60:
            save(args, i + 1, seconds + now - begun, modules, optimizer, averages)
            saved = now
        if is_last and i + 1 < args.steps:
            print(f"stopped at step {i + 1} of {args.steps}", flush=True)
            raise SystemExit(3)


def schedule(i, steps):
    """The share of the highest learning rate: up in a line, down to a twentieth in half a cosine."""
    warm = min(200, max(1, steps // 20))
    if i < warm:
        return (i + 1) / warm
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (i - warm) / max(1, steps - warm)))


def snapshot(module):
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


@torch.no_grad()
def follow(averages, modules, decay):
    for name, module in modules.items():
        for key, value in module.state_dict().items():
            average = averages[name][key]
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)


def save(args, step, seconds, modules, optimizer, averages):
    """Writes the checkpoint beside the last one, and then takes its place: a crash loses neither."""
    run = args.run
    state = {"step": step, "seconds": seconds, "optimizer": optimizer.state_dict(), "averages": averages}
    state |= {"batch": args.batch, "seed": args.seed}
    state["modules"] = {name: module.state_dict() for name, module in modules.items()}
    torch.save(state, run / "checkpoint.new")
    os.replace(run / "checkpoint.new", run / "checkpoint.pt")


def resume(args, modules, optimizer, averages):
    """The step to go on with, and the seconds that were spent before. More or fewer steps may be asked for than before; all else is as it was."""
    path = args.run / "checkpoint.pt"
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name in ("batch", "seed"):
        now = getattr(args, name)
        if state.get(name, now) != now:
            raise SystemExit(f"{path} was made with --{name} {state[name]}, asked for is {now}: go on with that, or take another --run")
    for name, module in modules.items():
        module.load_state_dict(state["modules"][name])
        for key, value in state["averages"][name].items():
            averages[name][key].copy_(value)
    optimizer.load_state_dict(state["optimizer"])
    print(f"going on from step {state['step']}", flush=True)
    return state["step"], state["seconds"]


def load_average(run, modules):
    """Loads the averaged weights of a run, or of a file that `keep` has written, into `modules`, for use."""
    begin_with(run, modules)
    for module in modules.values():
        module.eval().requires_grad_(False)


def begin_with(run, modules):
    """Loads the same, for training."""
    path = Path(run) if Path(run).is_file() else Path(run) / "checkpoint.pt"
    if not path.exists():
        raise SystemExit(f"{path} is not there: train first")
    if path.suffix == ".safetensors":
        kept = load_file(path)
        averages = {name: {key.removeprefix(name + "."): value for key, value in kept.items() if key.startswith(name + ".")} for name in modules}
    else:
        averages = torch.load(path, map_location="cpu", weights_only=True)["averages"]
    for name, module in modules.items():
        module.load_state_dict(averages[name])


def keep(modules, path):
    """Writes weights as f16, so that training may begin with them where the run is not."""
    tensors = {f"{name}.{key}": value for name, module in modules.items() for key, value in module.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}, path)
