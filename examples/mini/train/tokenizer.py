"""A tokenizer in CLIP's format for the few words that captions have: every one of them is one token, others are spelled."""

import json
from pathlib import Path

from transformers import CLIPTokenizer

BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def byte_symbols():
    """CLIP's 256 characters that stand for bytes: printable ones for themselves, then the others."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    return [chr(b) for b in printable] + [chr(256 + i) for i in range(256 - len(printable))]


def learn_merges(words):
    """Byte pairs to merge, best first, until each word is one token: the most frequent pair, of several the first in the alphabet."""
    spelled = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges = []
    while any(len(word) > 1 for word in spelled):
        counts = {}
        for word in spelled:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        merges.append(best)
        spelled = [merge(word, best) for word in spelled]
    return merges


def merge(word, pair):
    merged, i = [], 0
    while i < len(word):
        if tuple(word[i : i + 2]) == pair:
            merged.append(word[i] + word[i + 1])
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged


def write(folder, words, pad):
    """Writes `vocab.json`, `merges.txt` and the two files about special tokens."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    symbols, merges = byte_symbols(), learn_merges(words)
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + [a + b for a, b in merges] + [BOS, EOS]
    vocab = {token: i for i, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    specials = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": pad}
    (folder / "special_tokens_map.json").write_text(json.dumps(specials, indent=1))
    config = specials | {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))
    return len(vocab)


def load(folder):
    return CLIPTokenizer.from_pretrained(folder)


def encode(tokenizer, texts):
    """Ids `[N,77]`."""
    return tokenizer(texts, padding="max_length", truncation=True, max_length=77, return_tensors="pt").input_ids
