#!/bin/sh
# Makes all of Mini in a folder: data, networks, and in models/ what is shipped. What is done already is not done again, and what was
# stopped goes on, so it may be started as often as you like.
#   sh examples/mini/recipe.sh FOLDER [FLAG...]
# FLAGS go to all training: --bf16, --minutes 60, --device cuda.
set -eu
work=$(mkdir -p "$1" && cd "$1" && pwd)
shift
cd "$(dirname "$0")/train"
cargo build --release -p mini-world
# A target folder may be set elsewhere; cargo knows.
world=$(cargo metadata --format-version 1 --no-deps | python -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/release/mini-world
train=$work/data/train
val=$work/data/val
runs=$work/runs
models=$work/models
checkpoint=$models/checkpoints/mini
pack=$models/insightface/models/mini

[ -e "$train.done" ] || { "$world" set "$train" --people 4000 --pictures 20 --pairs 8 --threads 2 && touch "$train.done"; }
[ -e "$val.done" ] || { "$world" set "$val" --split val --people 200 --pictures 10 --threads 2 && touch "$val.done"; }

python detector.py train --data "$train" --run "$runs/detector" "$@"
python detector.py export --run "$runs/detector" --out "$pack"
python embedder.py train --data "$train" --run "$runs/embedder" "$@"
python embedder.py export --run "$runs/embedder" --out "$pack"
python embedder.py test --data "$val" --run "$runs/embedder"
python embedder.py train --judge --seed 2 --data "$train" --run "$runs/judge" "$@"
python embedder.py export --judge --run "$runs/judge" --out "$models/judges"
python embedder.py test --judge --data "$val" --run "$runs/judge"
python critic.py train --data "$train" --run "$runs/critic" "$@"
python critic.py export --run "$runs/critic" --out "$models/judges"
python critic.py test --data "$val" --run "$runs/critic"

python vae.py train --data "$train" --recogniser "$runs/embedder" --run "$runs/vae" "$@"
python vae.py export --data "$train" --run "$runs/vae" --out "$checkpoint"
python prepare.py --data "$train" --checkpoint "$checkpoint" --embedder "$runs/embedder"

python base.py train --data "$train" --run "$runs/base" --checkpoint "$checkpoint" --world "$world" "$@"
python base.py export --run "$runs/base" --checkpoint "$checkpoint"
python instantid.py train --data "$train" --run "$runs/instantid" --checkpoint "$checkpoint" "$@"
python instantid.py export --run "$runs/instantid" --checkpoint "$checkpoint" --out "$models"
python controlnet.py train --data "$train" --run "$runs/canny" --checkpoint "$checkpoint" "$@"
python controlnet.py export --run "$runs/canny" --checkpoint "$checkpoint" --out "$models"
python lora.py train --data "$train" --run "$runs/lora" --checkpoint "$checkpoint" "$@"
python lora.py export --name pencil --run "$runs/lora" --checkpoint "$checkpoint" --out "$models"
python lcm.py train --data "$train" --run "$runs/lcm" --checkpoint "$checkpoint" "$@"
python lcm.py export --run "$runs/lcm" --checkpoint "$checkpoint" --out "$models"
du -sh "$models"
