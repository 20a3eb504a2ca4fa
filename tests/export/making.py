"""Small models of every family with made weights, on disk as the hub lays them out."""

import json
from pathlib import Path
from typing import Any

CORPUS = [
    "a photo of a cat",
    "a red dress on a chair",
    "the quick brown fox jumps over two lazy dogs",
    "it is not a picture of words in a line",
    "红色连衣裙",
    "一只在沙发上的猫",
    "旁边有两本书",
    "emoji 😀 and café ÜBER straße",
]

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 24,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


TIMM: dict[str, tuple[int, dict[str, Any]]] = {
    "resnet18": (40, {"layers": [1, 1, 1, 1]}),
    "test_efficientnet": (64, {}),  # one of timm's own for tests
    "convnext_atto": (32, {"depths": [1, 1, 1, 1]}),
    "vit_tiny_patch16_224": (32, {"img_size": 32, "depth": 2}),
    "vit_small_patch14_dinov2": (28, {"img_size": 28, "depth": 2}),
    "vit_small_patch16_dinov3": (32, {"img_size": 32, "depth": 2}),
}
"""Families by a small member, the side of the input, and what makes it smaller still."""


def shake(network: Any, example: Any = None) -> Any:
    """Random weights of a size that shows: many layers begin as zeros or so small that everything looks alike.

    Batch normalisation, where there is one, is fitted to an ``example``, as training would, or it would drown it.
    """
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for tensor in network.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.05)
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
        if example is not None:
            network.train()(example)
    return network.eval()


def make_timm(model: str, folder: Path, **arguments: Any) -> tuple[Any, Path]:
    """The network without its head, and a folder as the hub has it, head included."""
    import timm
    import torch
    from safetensors.torch import save_file

    side = TIMM[model][0]
    example = torch.rand(8, 3, side, side, generator=torch.Generator().manual_seed(0))
    whole = shake(timm.create_model(model, pretrained=False, num_classes=7, **arguments), example)
    save_file(whole.state_dict(), folder / "model.safetensors")
    config = {
        "architecture": model,
        "num_classes": 7,
        "model_args": {k: v for k, v in arguments.items() if k != "img_size"},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    whole.reset_classifier(0)
    return whole, folder


def make_open_clip(folder: Path, text: dict[str, Any], **preprocess: Any) -> Any:
    """A folder for ``open_clip:hf-hub:...``: configuration and weights."""
    import open_clip
    from safetensors.torch import save_file

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
        "text_cfg": {"width": 32, "heads": 2, "layers": 2, **text},
    }
    folder.mkdir(parents=True, exist_ok=True)
    described = {"model_cfg": config, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(described), encoding="utf-8")
    network = shake(open_clip.create_model(f"local-dir:{folder}", load_weights=False))
    save_file(network.state_dict(), folder / "open_clip_model.safetensors")
    return network


def make_clip(folder: Path) -> Any:
    """CLIP of transformers with a byte-level BPE of its own."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        end_of_word_suffix="</w>",
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    vocabulary, merges = tokenizer.get_vocab(), json.loads(tokenizer.to_str())["model"]["merges"]
    fast = transformers.CLIPTokenizer(
        vocab=vocabulary, merges=[tuple(pair) for pair in merges], model_max_length=TEXT["max_position_embeddings"]
    )
    folder.mkdir(parents=True)
    fast.save_pretrained(folder)
    ids = {"bos_token_id": fast.bos_token_id, "eos_token_id": fast.eos_token_id, "pad_token_id": fast.pad_token_id}
    config = transformers.CLIPConfig(
        text_config={**TEXT, **ids, "vocab_size": len(fast)}, vision_config=VISION, projection_dim=16
    )
    network = shake(transformers.CLIPModel(config))
    network.save_pretrained(folder)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor.save_pretrained(folder)
    return network


def make_chinese_clip(folder: Path) -> Any:
    """Chinese-CLIP with a WordPiece vocabulary of its own."""
    import transformers

    folder.mkdir(parents=True)
    characters = sorted({character for line in CORPUS for character in line.lower() if not character.isspace()})
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{c}" for c in characters), "photo", "cat"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    tokenizer = transformers.BertTokenizer(str(folder / "vocab.txt"), model_max_length=512)
    tokenizer.save_pretrained(folder)
    text = {**TEXT, "vocab_size": len(words), "max_position_embeddings": 64, "pad_token_id": 0}
    config = transformers.ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    network = shake(transformers.ChineseCLIPModel(config))
    network.save_pretrained(folder)
    transformers.ChineseCLIPImageProcessor(size={"height": 32, "width": 32}, do_center_crop=False).save_pretrained(
        folder
    )
    return network


def make_siglip(folder: Path) -> Any:
    """SigLIP with a sentencepiece vocabulary of its own."""
    import sentencepiece
    import transformers

    folder.mkdir(parents=True)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS * 20),
        model_prefix=str(folder / "spiece"),
        vocab_size=160,
        character_coverage=1.0,
        hard_vocab_limit=False,
        unk_id=2,
        eos_id=1,
        pad_id=0,
        bos_id=-1,
        minloglevel=2,
    )
    tokenizer = transformers.SiglipTokenizer(
        str(folder / "spiece.model"), model_max_length=TEXT["max_position_embeddings"]
    )
    tokenizer.save_pretrained(folder)
    text = {**TEXT, "vocab_size": len(tokenizer), "pad_token_id": 0, "eos_token_id": 1, "bos_token_id": None}
    network = shake(transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=VISION)))
    network.save_pretrained(folder)
    transformers.SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return network


def make_open_clip_simple(folder: Path) -> Any:
    """CLIP with open_clip's own byte-pair vocabulary, which its package carries."""
    return make_open_clip(folder, {"context_length": 20, "vocab_size": 49408}, mean=(0.4, 0.5, 0.6))


def make_open_clip_siglip(folder: Path) -> Any:
    """SigLIP as open_clip has it: a unigram vocabulary, punctuation dropped, all positions seen at once."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS * 5, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="</s>", eos_token="</s>", unk_token="<unk>", model_max_length=20
    )
    folder.mkdir(parents=True)
    fast.save_pretrained(folder)
    text = {
        "context_length": 20,
        "vocab_size": len(fast),
        "hf_tokenizer_name": "made/siglip",
        "tokenizer_kwargs": {"clean": "canonicalize"},
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
    }
    return make_open_clip(folder, text, resize_mode="squash", mean=[0.5] * 3, std=[0.5] * 3)


TWO_TOWERS = {
    "open_clip_simple": make_open_clip_simple,
    "open_clip_siglip": make_open_clip_siglip,
    "clip": make_clip,
    "chinese_clip": make_chinese_clip,
    "siglip": make_siglip,
}
"""How each is made."""
