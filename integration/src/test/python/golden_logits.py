#!/usr/bin/env python3
"""Writes the golden file that the JVM's own GGUF reader, tokenizer and model writer are tested against.

Everything comes from independent readers of the same GGUF: weights and logits from transformers' GGUF loader and its
PyTorch model in float32, token ids from the Hugging Face tokenizers library over the vocabulary of the same file.

    pip install numpy gguf tokenizers torch transformers accelerate
    python golden_logits.py SmolLM2-135M-Instruct.Q4_1.gguf smollm2-logits.json
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import pathlib

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gguf
import tokenizers
import torch
import transformers

CONTROL_TOKEN = 3
TOP = 20
SAMPLED_VOCABULARY = 128
GREEDY_TOKENS = 16

PROMPTS = {
    "short": "The capital of France is Paris. The capital of Italy is",
    "chat": (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    ),
    "paragraph": (
        "Our harbour was quiet when the first boats came home. Gulls circled above the stone wall, and an old man"
        " mended his nets beside a stack of wooden crates. He had worked on the water for fifty years, and he still"
        " watched the sky every morning before breakfast. Today the clouds were low and grey, so he decided to"
    ),
    "page": (
        "A lighthouse keeper once wrote that the hardest part of the work was not the storms but the long calm weeks"
        " between them. Every evening at sunset he climbed the 214 steps to the lamp room, cleaned the glass, checked"
        " the oil and wound the clockwork that turned the lens. Every morning he wrote down the wind, the tide and the"
        " name of each ship that had passed. The supply boat came twice a month when the sea allowed it, and brought"
        " flour, newspapers, letters from his sister and sometimes a new book.\n\nIn the winter of 1911 the boat did"
        " not come for seven weeks. The keeper counted his candles, mended his boots and read the same three novels"
        " again. He kept the lamp burning, because a coal steamer and two fishing fleets used the channel that season."
        " When the boat finally arrived, the captain asked him what he had missed most. The keeper thought about it for"
        " a while, looked back at the white tower above the rocks, and said that what he had missed most was"
    ),
}

STRINGS = [
    "",
    " ",
    "Hello, world!",
    " leading space",
    "trailing space ",
    "two  spaces,   three,    four",
    "\t\ttabs\tand  \t mixed",
    "line one\nline two\n\nline four\r\nwindows",
    "\n\n\n",
    "   \n   indented\n      more\n",
    "0123456789",
    "In 2024, 3.14159 is not 22/7; 1,000,000 > 999.",
    "abc123def456",
    "Ⅷ ½ ٣ ३ 七 ²",
    "don't can't I'll we've they're it's I'D",
    "naïve café résumé Zürich Ångström",
    "Cafe\u0301 versus Caf\u00e9",
    "Привет, мир! Как дела?",
    "今天天气很好。東京タワー",
    "مرحبا بالعالم",
    "🙂 👍🏽 👨‍👩‍👧‍👦 🇫🇷",
    "zero\u200bwidth non\u00a0breaking em\u2003space",
    "def f(x):\n    return x ** 2  # square\n",
    "public static void main(String[] args) { System.out.println(\"hi\"); }",
    "https://example.org/a_b-c?d=e&f=%20g#h",
    "snake_case camelCase SCREAMING_CASE kebab-case",
    "!!!???...---***///\\\\",
    "a\u0000b\u007fc",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "text<|endoftext|>more <|im_end|> spaced",
    "<|im_start| >not special<|IM_END|>",
    "<repo_name>mneme<file_sep>README.md",
]


def read_tokenizer(reader):
    """The byte-level BPE tokenizer of the file: every decimal digit alone, then the GPT-2 expression."""
    tokens, merges, types = (reader.fields["tokenizer.ggml." + key].contents() for key in ("tokens", "merges", "token_type"))
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            vocab={token: index for index, token in enumerate(tokens)}, merges=[tuple(merge.split(" ")) for merge in merges]
        )
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
        [
            tokenizers.pre_tokenizers.Digits(individual_digits=True),
            tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, types) if kind == CONTROL_TOKEN]
    tokenizer.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in control])
    return tokenizer


def at_position(logits, position, vocabulary):
    row = logits[position]
    top = torch.topk(row, TOP)
    return {
        "position": position,
        "argmax": int(row.argmax()),
        "maxAbs": rounded(row.abs().max()),
        "topIds": top.indices.tolist(),
        "topLogits": [rounded(value) for value in top.values],
        "sampledLogits": [rounded(row[index]) for index in vocabulary],
    }


def rounded(value):
    return round(float(value), 5)


def run(model, ids, vocabulary):
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
        greedy = model.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long),
            max_new_tokens=GREEDY_TOKENS, do_sample=False, eos_token_id=None,
        )[0, len(ids):].tolist()
    positions = sorted({0, len(ids) // 3, 2 * len(ids) // 3, len(ids) - 1})
    return {
        "greedy": greedy,
        "positions": [at_position(logits, position, vocabulary) for position in positions],
    }


def compact(value, indent=0):
    """JSON with one object member per line; lists of numbers stay on one line."""
    pad = "  " * (indent + 1)
    if isinstance(value, dict) and value:
        members = ",\n".join(f"{pad}{json.dumps(key)}: {compact(member, indent + 1)}" for key, member in value.items())
        return "{\n" + members + "\n" + "  " * indent + "}"
    if isinstance(value, list) and any(isinstance(element, (dict, list)) for element in value):
        return "[\n" + ",\n".join(pad + compact(element, indent + 1) for element in value) + "\n" + "  " * indent + "]"
    return json.dumps(value, ensure_ascii=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.manual_seed(0)
    reader = gguf.GGUFReader(arguments.gguf)
    tokenizer = read_tokenizer(reader)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        arguments.gguf.parent, gguf_file=arguments.gguf.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    size = model.config.vocab_size
    vocabulary = [size // SAMPLED_VOCABULARY * index + 7 for index in range(SAMPLED_VOCABULARY)]

    golden = {
        "model": {
            "file": arguments.gguf.name,
            "sha256": hashlib.sha256(arguments.gguf.read_bytes()).hexdigest(),
        },
        "versions": {
            package: importlib.metadata.version(package) for package in ("gguf", "tokenizers", "torch", "transformers")
        },
        "vocabularySize": size,
        "sampledVocabulary": vocabulary,
        "prompts": [],
        "tokenizer": [],
    }
    for name, text in PROMPTS.items():
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        golden["prompts"].append({"name": name, "text": text, "ids": ids} | run(model, ids, vocabulary))
    for text in STRINGS:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if tokenizer.decode(ids, skip_special_tokens=False) != text:
            raise SystemExit(f"ids do not decode to the text: {text!r}")
        golden["tokenizer"].append({"text": text, "ids": ids})
    arguments.out.write_text(compact(golden) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
