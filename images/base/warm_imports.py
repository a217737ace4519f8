"""Imports and traces what the compiler and the servers do, so that the image carries the byte code.

The file system is read-only at run time: without byte code every start would compile some 60 MB of Python
again (11 s instead of 6 s on two cores). Compiling every file of torch and transformers would be wasteful.
"""

import huggingface_hub  # noqa: F401
import torch
import torchvision  # noqa: F401
from PIL import Image
from transformers import (  # noqa: F401
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    DistilBertModel,
    GPT2Config,
    GPT2Model,
    GPT2TokenizerFast,
    RobertaModel,
    ViTImageProcessor,
)

gpt2 = GPT2Model(GPT2Config(n_layer=1, n_embd=8, n_head=1, vocab_size=8, use_cache=False))
bert = BertForSequenceClassification(
    BertConfig(num_hidden_layers=1, hidden_size=8, num_attention_heads=1, intermediate_size=8, vocab_size=8)
)
ids = torch.zeros(1, 4, dtype=torch.int64)
for model in (gpt2, bert):
    model.eval().requires_grad_(False)
    torch.jit.trace(lambda ids, model=model: model(input_ids=ids, return_dict=False)[0], (ids,))
ViTImageProcessor()(images=Image.new("RGB", (8, 8)), return_tensors="np")
