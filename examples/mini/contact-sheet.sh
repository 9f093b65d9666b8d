#!/bin/sh
# Makes docs/images/contact-sheet.png with the shipped graphs as they are: a person in five styles, from three sides, by a LoRA,
# with somebody else, and on the way to that somebody.
#   sh examples/mini/contact-sheet.sh [SELFSAME [FLAG...]]
# SELFSAME is the program, FLAGs go to each run: --models work/models takes networks that were just trained.
set -eu
selfsame=${1:-selfsame}
[ $# -eq 0 ] || shift
root=$(dirname "$0")/../..
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# Makes the picture of a graph in graphs/, with these arguments.
make() {
    graph=$1
    set_to=$2
    shift 2
    "$selfsame" run "$root/graphs/$graph.ron" --out "$out" ${set_to:+--set "$set_to"} "$@"
}

make styles columns=5 "$@"
make novel-view count=3 "$@"
make lora "" "$@"
make two-identities "" "$@"
make interpolation count=6 "$@"

"$selfsame" run "$root/examples/mini/contact-sheet.ron" --out "$out" \
    --set face="$root/graphs/faces/ada.png" --set other="$root/graphs/faces/ben.png" \
    --set styles="$out/styles_0001.png" --set views="$out/novel-view_0001.png" --set drawn="$out/lora_0001.png" \
    --set both="$out/two-identities_0001.png" --set way="$out/interpolation_0001.png"
mv "$out/contact-sheet_0001.png" "$root/docs/images/contact-sheet.png"
