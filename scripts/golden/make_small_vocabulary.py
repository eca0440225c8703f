#!/usr/bin/env python3
# SPDX-FileCopyrightText: The hra authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the small vocabulary of the tests and the demo, and the ids that a plain reference gives for it.

    scripts/golden/make_small_vocabulary.py [tests/golden]

CLIP's vocabulary is not ours to ship. This one has its format and its special ids, so that a text encoder with
CLIP's 49408 rows works with it: byte symbols, the same ending a word, merges learnt from the sentences below.
Written with the standard library alone; the encoder here is the slow textbook one and knows nothing of the C++.
The strings hold no characters whose category or case changed between Unicode 14 and later versions.
"""
import collections
import json
import pathlib
import sys
import unicodedata

MERGES = 400
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
BOS_ID, EOS_ID, LENGTH = 49406, 49407, 77

SENTENCES = """
a photo of a dog on a beach, a photo of a cat in a garden, a photo of a red fox in the snow
a painting of a small house by the river, oil on canvas, warm evening light
a watercolor painting of a mountain lake in autumn, soft light, highly detailed
a drawing of an old robot that reads a book under a tree, black and white, pencil
a wooden toy boat on the kitchen table next to a vase with yellow flowers
a stuffed animal wearing a santa hat on a cobblestone street at night
a close portrait of a woman with a blue scarf, natural light, sharp focus, film grain
a portrait of an astronaut riding a horse across the desert, wide shot, golden hour
a plate of pasta with tomatoes and basil on a marble table, studio lighting
a castle on a hill above the clouds, fantasy, digital art, intricate details
an empty street in the rain, reflections of neon signs, city at night, cinematic
two children are flying a kite over green fields in spring, sunny day, blue sky
a clay pot, a glass bottle and three apples, still life, dark background
the interior of a bright library with tall windows and wooden shelves
a train crossing a stone bridge in the mountains, aerial view, morning mist
a sleeping kitten in a basket of wool, shallow depth of field
a backpack on a rock in the jungle, a backpack in front of the eiffel tower
a pair of sunglasses on the sand, waves in the background, summer colors
blurry, low quality, bad anatomy, watermark, cropped, worst quality, ugly, deformed hands
best quality, masterpiece, highly detailed, sharp focus, dramatic lighting, high resolution
a ceramic teapot shaped like an elephant, product photo, white background
a lighthouse in a storm, huge waves, dark clouds, painted in the style of an old master
a street market with colorful fruit stands, people walking, watercolor sketch
a modern house made of glass and concrete in a pine forest, architecture photo
the night sky above a frozen lake with the northern lights, long exposure
"""

STRINGS = [
    "", " ", "\t\n", "a", "A", "photo", "a photo of a dog", "A Photo Of A Red Fox In The Snow",
    "a painting of a zebra wearing a santa hat", "oil   on\tcanvas\n", "xylophone", "don't we'll I'm you've he'd",
    "'s 't alone", "it's the dog's house", "3 apples, 12 kites and 2024 boats", "v1.5!!! (best quality) [x:0.5]",
    "high-resolution/low_quality", "...", "?!?!", "a,b;c", "hello<|endoftext|>world", "<|startoftext|>a<|endoftext|>",
    "<|STARTOFTEXT|>x", "<|endoftext", "<|", "<new1> dog", "caf\u00e9", "cafe\u0301", "\u00c9COLE", "stra\u00dfe",
    "\u0130stanbul", "\u039f\u0394\u039f\u03a3", "\u043a\u043e\u0442 \u0438 \u043f\u0451\u0441",
    "\u4e00\u53ea\u732b", "a\u732bb", "\u65e5\u672c\u306e\u30c6\u30b9\u30c8", "\ud55c\uad6d\uc5b4",
    "\U0001f600 smile", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "zero\u200bwidth", "soft\u00adhyphen",
    "\ufeffbom", "a\u00a0b\u3000c", "line\u2028sep", "nul\u0000l", "\u001b[31mred", "\ufffd", "x\u00b2 \u00bd \u2167",
    "\u212b \u2126 \u212a", "&amp; &lt;b&gt;", "\u201cquoted\u201d \u2013 dash", "\ufb01sh", "#hashtag @name 50%",
    "a" * 40, "lighthouse" * 12, "photo " * 74, "photo " * 75, "photo " * 76, "dog, " * 50, "\u732b" * 30,
]


def byte_characters():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {**{b: chr(b) for b in printable}, **{b: chr(256 + i) for i, b in enumerate(others)}}


BYTES = byte_characters()


def is_cjk(c):
    blocks = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
              (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]
    return any(first <= ord(c) <= last for first, last in blocks)


def clean(text):
    out = ""
    for c in text:
        category = unicodedata.category(c)
        if c in "\t\n\r" or category == "Zs":
            out += " "
        elif c == "\ufffd" or category.startswith("C"):
            continue
        else:
            out += f" {c} " if is_cjk(c) else c
    return unicodedata.normalize("NFC", out).lower()


def kind(c):
    return {"L": "letter", "N": "number"}.get(unicodedata.category(c)[0], "other")


def words(text):
    """Without regular expressions: the standard library's know no categories."""
    for token in clean(text).split():
        while token:
            fixed = next((f for f in (BOS, EOS, "'s", "'t", "'re", "'ve", "'m", "'ll", "'d") if token.startswith(f)), None)
            end = len(fixed) if fixed else 1
            if not fixed and kind(token[0]) != "number":
                while end < len(token) and kind(token[end]) == kind(token[0]):
                    end += 1
            yield token[:end]
            token = token[end:]


def symbols(word):
    out = [BYTES[b] for b in word.encode("utf-8")]
    return [*out[:-1], out[-1] + "</w>"]


def apply(merge, word):
    out = []
    for symbol in word:
        # `None` marks a merged symbol's place, so that it is not merged once more in the same pass.
        if out and (out[-1], symbol) == merge:
            out[-1:] = [merge[0] + merge[1], None]
        else:
            out.append(symbol)
    return [s for s in out if s is not None]


def learn(count):
    corpus = collections.Counter(w for line in SENTENCES.splitlines() for w in words(line))
    corpus = {w: (symbols(w), n) for w, n in corpus.items()}
    merges = []
    while len(merges) < count:
        pairs = collections.Counter()
        for word, n in corpus.values():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        corpus = {w: (apply(best, word), n) for w, (word, n) in corpus.items()}
    return merges


def encode(text, vocabulary, merges):
    ids = []
    for special in (BOS, EOS):
        before, found, after = text.partition(special)
        if found and (BOS not in before and EOS not in before):
            return encode(before, vocabulary, merges) + [vocabulary[special]] + encode(after, vocabulary, merges)
    for word in words(text):
        if word in (BOS, EOS):
            ids.append(vocabulary[word])
            continue
        pieces = symbols(word)
        for merge in merges:
            pieces = apply(merge, pieces)
        ids += [vocabulary[p] for p in pieces]
    return ids


def write_json(path, value, **style):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, **style) + "\n", encoding="utf-8")


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/golden")
    folder = root / "pipeline" / "tokenizer"
    merges = learn(MERGES)
    tokens = [*BYTES.values(), *(c + "</w>" for c in BYTES.values()), *(a + b for a, b in merges)]
    vocabulary = {token: i for i, token in enumerate(tokens)} | {BOS: BOS_ID, EOS: EOS_ID}
    write_json(folder / "vocab.json", vocabulary)
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    special = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
    write_json(folder / "special_tokens_map.json", special, indent=1)
    config = special | {"add_prefix_space": False, "do_lower_case": True, "errors": "replace",
                        "model_max_length": LENGTH, "tokenizer_class": "CLIPTokenizer"}
    write_json(folder / "tokenizer_config.json", dict(sorted(config.items())), indent=1)
    rows = [{"text": text, "ids": encode(text, vocabulary, merges)} for text in STRINGS]
    target = root / "tokenizer_small" / "tokens.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Escaped, since the strings hold control characters and what editors call broken.
    target.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
