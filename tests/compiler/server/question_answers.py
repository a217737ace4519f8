"""Writes question_answers.json: what the question-answering pipeline of transformers 4 makes of given logits.

transformers 5 has no such pipeline, so that this is run by hand, where transformers 4 is installed:
`python question_answers.py > question_answers.json`. Tokenizers are three kinds that differ in where CLS
stands, on which side they pad, and what a word is.
"""

import json
import random
import sys
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerFast
from transformers.modeling_outputs import QuestionAnsweringModelOutput

QUESTION = "who sat where"
CONTEXTS = (
    "The unhappy cat sat on the doormat, and the dog sat on the Doormat.",
    "mat",
    "Zürich's cats sat, didn't they? 1234567 doormats.",
)
PARAMETERS: tuple[dict[str, Any], ...] = (
    {},
    {"top_k": 4},
    {"max_answer_len": 1},
    {"handle_impossible_answer": True},
    {"handle_impossible_answer": True, "top_k": 3},
    {"align_to_words": False},
    {"align_to_words": False, "top_k": 3},
)


def word_pieces() -> tuple[Tokenizer, dict[str, Any]]:
    """BERT's: CLS comes first."""
    words = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "who",
        "where",
        "the",
        "cat",
        "dog",
        "sat",
        "on",
        "un",
        "door",
    ]
    words += ["and", "'", ",", ".", "?", "they", "didn", "s", "t", "12"]
    pieces = ["##happy", "##mat", "##s", "##345", "##67", "mat", "zurich"]
    vocabulary = {word: number for number, word in enumerate([*words, *pieces])}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token=words[1]))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made, {"cls_token": "[CLS]", "pad_token": "[PAD]"}


def bytes_without_cls() -> tuple[Tokenizer, dict[str, Any]]:
    """A decoder's: no CLS, padding on the left."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({letter: number for number, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.ByteLevel(trim_offsets=True)
    return made, {"pad_token": "!", "padding_side": "left"}


def cls_at_the_end() -> tuple[Tokenizer, dict[str, Any]]:
    """XLNet's: CLS comes last, padding on the left."""
    plain = ["who", "where", "sat", "cat", "dog", "the", "on", "mat", "door", ",", ".", "▁"]
    marked = [f"▁{word}" for word in ("who", "where", "sat", "cat", "dog", "the", "The", "un", "on")]
    pieces = ["<pad>", "<unk>", "<cls>", "<sep>", *plain, *marked]
    made = Tokenizer(models.Unigram([(piece, -1.0 - number / 10) for number, piece in enumerate(pieces)], 1))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens(["<pad>", "<cls>", "<sep>"])
    made.post_processor = processors.TemplateProcessing(
        single="$A:0 <sep>:0 <cls>:2",
        pair="$A:0 <sep>:0 $B:1 <sep>:1 <cls>:2",
        special_tokens=[("<sep>", 3), ("<cls>", 2)],
    )
    return made, {"cls_token": "<cls>", "pad_token": "<pad>", "padding_side": "left"}


def answered(tokenizer: PreTrainedTokenizerFast, context: str, chance: random.Random) -> dict[str, Any]:
    """One case: logits, and the answers for each of the parameters."""
    first = tokenizer.padding_side == "right"
    encoding = tokenizer(*((QUESTION, context) if first else (context, QUESTION))).encodings[0]
    # By a slip the pipeline lets tokens of the question be answers where padding is on the left: trained
    # models don't find any there, and so are these logits.
    sure = [
        first or place == 0 or token == tokenizer.cls_token_id
        for place, token in zip(encoding.sequence_ids, encoding.ids, strict=True)
    ]
    start, end = ([round(chance.gauss(0, 3), 3) if each else -60.0 for each in sure] for _ in range(2))
    config = BertConfig(hidden_size=2, num_hidden_layers=1, num_attention_heads=1, intermediate_size=2)
    model = BertForQuestionAnswering(config)
    logits = [torch.tensor([values]) for values in (start, end)]
    model.forward = lambda **_: QuestionAnsweringModelOutput(start_logits=logits[0], end_logits=logits[1])
    ask = transformers.pipeline("question-answering", model=model, tokenizer=tokenizer, device=-1)
    told = []
    for parameters in PARAMETERS:
        found = ask(question=QUESTION, context=context, **parameters)
        told.append({"parameters": parameters, "answers": found if isinstance(found, list) else [found]})
    return {"question": QUESTION, "context": context, "start": start, "end": end, "told": told}


def main() -> None:
    chance = random.Random(7)
    content: dict[str, Any] = {"library": f"transformers {transformers.__version__}", "tokenizers": []}
    for make in (word_pieces, bytes_without_cls, cls_at_the_end):
        made, said = make()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=384, **said)
        cases = [answered(tokenizer, context, chance) for context in CONTEXTS for _ in range(4)]
        content["tokenizers"].append(
            {"name": make.__name__, "tokenizer": json.loads(made.to_str()), "said": said, "cases": cases}
        )
    json.dump(content, sys.stdout, ensure_ascii=False)
    print()


if __name__ == "__main__":
    main()
