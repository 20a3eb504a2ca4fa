"""The exported graph against PyTorch, both towers, with preparation and tokenisers as the originals have them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.export.conftest import PARTS, Exported
from tests.export.making import CORPUS, TIMM, TWO_TOWERS
from tests.needing import need
from yunmeng.config import Settings
from yunmeng.encoders import load
from yunmeng.encoders.added import find_added
from yunmeng.encoders.adding import add_graph
from yunmeng.encoders.description import OnnxDescription, TextTower
from yunmeng.encoders.export import add_exported, graphs, parse_source
from yunmeng.encoders.export.tokenisers import check_tokenizer, from_transformers
from yunmeng.encoders.graph_description import describe_graph
from yunmeng.encoders.tokenising import Tokeniser
from yunmeng.errors import EncoderError, WeightsError

need(*PARTS, extra="export")

TEXTS = [
    "a photo of a cat",
    "A RED Dress!",
    "红色连衣裙",
    "一只在沙发上的猫，旁边有两本书。",
    "Mixed 红色 dress 😀 ÜBER straße it's",
    "many words " * 50,
    "多字" * 100,
    "",
    "  odd \t spaces\n",
    "ＦＵＬＬ “quotes” ﬁne &amp; ΟΔΟΣ",
]


def pictures(count: int, side: int) -> NDArray[np.uint8]:
    """Patches of colour, which a network tells apart as it would not noise."""
    patches = np.random.default_rng(count).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return patches.repeat(side // 4, axis=1).repeat(side // 4, axis=2)


def a_photograph() -> Image.Image:
    """Smooth, neither square nor small, as a camera's."""
    coarse = np.random.default_rng(5).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((360, 240), Image.Resampling.BICUBIC)


def unit(tensor: Any) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = getattr(tensor, "pooler_output", tensor).detach().numpy()
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def normalised(pixels: NDArray[np.uint8], mean: Any, std: Any) -> Any:
    import torch

    planes = (pixels.astype(np.float32) / 255 - np.array(mean, np.float32)) / np.array(std, np.float32)
    return torch.from_numpy(planes.transpose(0, 3, 1, 2).astype(np.float32))


def description(model: Exported) -> OnnxDescription:
    found = find_added(model.spec.name, model.settings)
    assert isinstance(found, OnnxDescription)
    return found


@pytest.mark.parametrize("name", TIMM)
def test_timm(name: str, timm_models: Callable[[str], Exported]) -> None:
    import timm

    model = timm_models(name)
    side = TIMM[name][0]
    config = timm.data.resolve_model_data_config(model.network)
    assert (model.spec.dim, model.spec.input_size) == (model.network.num_features, side)
    assert not model.spec.reads_text
    for count in (1, 3):
        batch = pictures(count, side)
        expected = unit(model.network(normalised(batch, config["mean"], config["std"])))
        found = model.encoder.encode(list(batch))
        assert np.abs(found - expected).max() < 1e-4
    assert found[0] @ found[1] < 0.9999, "the made weights must tell pictures apart"


@pytest.mark.parametrize("name", ["resnet18", "vit_tiny_patch16_224"])
def test_timms_own_preparation(name: str, timm_models: Callable[[str], Exported]) -> None:
    """To the pixel: both resize with Pillow."""
    import timm

    model = timm_models(name)
    side = TIMM[name][0]
    config = {**timm.data.resolve_model_data_config(model.network), "input_size": (3, side, side)}
    original = timm.data.create_transform(**config)(a_photograph()).numpy().transpose(1, 2, 0)
    ours = model.encoder.prepare(a_photograph()).astype(np.float32) / 255
    np.testing.assert_allclose((ours - np.array(config["mean"])) / np.array(config["std"]), original, atol=1e-5)


def picture_reference(kind: str, model: Exported, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
    if kind.startswith("open_clip"):
        config = model.network.visual.preprocess_cfg
        return unit(model.network.encode_image(normalised(batch, config["mean"], config["std"])))
    import transformers

    processor = transformers.AutoImageProcessor.from_pretrained(model.place)
    planes = normalised(batch, processor.image_mean, processor.image_std)
    return unit(model.network.get_image_features(pixel_values=planes))


def ids_reference(kind: str, model: Exported, texts: list[str]) -> NDArray[np.int64]:
    """Token ids of the model's own tokeniser, filled up to the length that was exported."""
    length = description(model).text.context_length  # type: ignore[union-attr]
    if kind.startswith("open_clip"):
        import open_clip

        ids: NDArray[np.int64] = open_clip.get_tokenizer(f"local-dir:{model.place}")(texts).numpy()
        return ids
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(model.place)
    found = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="np")
    return np.asarray(found["input_ids"])


@pytest.mark.parametrize("kind", TWO_TOWERS)
def test_pictures_of_two_towers(kind: str, two_towers: Callable[[str], Exported]) -> None:
    model = two_towers(kind)
    assert model.spec.reads_text
    for count in (1, 3):
        batch = pictures(count, model.spec.input_size)
        found = model.encoder.encode(list(batch))
        assert np.abs(found - picture_reference(kind, model, batch)).max() < 1e-4
    assert found[0] @ found[1] < 0.9999


@pytest.mark.parametrize("kind", TWO_TOWERS)
def test_texts_of_two_towers(kind: str, two_towers: Callable[[str], Exported]) -> None:
    """From the words: tokeniser and tower as one, one text and several."""
    import torch

    model = two_towers(kind)
    for texts in (TEXTS[:1], TEXTS[:3], TEXTS):
        ids = torch.from_numpy(ids_reference(kind, model, texts))
        if kind.startswith("open_clip"):
            expected = unit(model.network.encode_text(ids))
        else:
            mask = {"attention_mask": (ids != 0).long()} if kind == "chinese_clip" else {}
            expected = unit(model.network.get_text_features(input_ids=ids, **mask))
        found = model.encoder.encode_texts(texts)
        assert found.shape == (len(texts), model.spec.dim)
        assert np.abs(found - expected).max() < 1e-4
    assert found[0] @ found[2] < 0.9999


@pytest.mark.parametrize("kind", TWO_TOWERS)
def test_token_ids_are_the_originals(kind: str, two_towers: Callable[[str], Exported]) -> None:
    model = two_towers(kind)
    folder, tower = model.settings.models_dir / model.spec.name, description(model).text
    assert tower is not None
    tokenise = Tokeniser(folder / tower.tokenizer, tower.model_copy(update={"fixed_length": True}))
    for text in TEXTS:
        np.testing.assert_array_equal(tokenise([text]), ids_reference(kind, model, [text]), err_msg=repr(text))


@pytest.mark.parametrize("kind", TWO_TOWERS)
def test_short_texts_cost_less_where_padding_changes_nothing(kind: str, two_towers: Callable[[str], Exported]) -> None:
    """SigLIP attends to its padding, and takes the vector from the last of it: its length is part of the model."""
    tower = description(two_towers(kind)).text
    assert tower is not None
    assert tower.fixed_length == ("siglip" in kind)


@pytest.mark.parametrize("kind", TWO_TOWERS)
def test_the_originals_own_preparation(kind: str, two_towers: Callable[[str], Exported]) -> None:
    """Transformers resizes tensors with PyTorch's kernels, which round to the nearest level elsewhere than Pillow's
    fixed-point ones: two levels of 255 at most, and half a level on average."""
    model = two_towers(kind)
    ours = model.encoder.prepare(a_photograph()).astype(np.float32)
    if kind.startswith("open_clip"):
        import open_clip

        config = open_clip.transform.PreprocessCfg(**model.network.visual.preprocess_cfg)
        planes = open_clip.transform.image_transform_v2(config, is_train=False)(a_photograph()).numpy()
        mean, std = config.mean, config.std
    else:
        import transformers

        processor = transformers.AutoImageProcessor.from_pretrained(model.place)
        planes = np.asarray(processor(a_photograph(), return_tensors="np")["pixel_values"][0])
        mean, std = processor.image_mean, processor.image_std
    original = (planes.transpose(1, 2, 0) * np.array(std) + np.array(mean)) * 255
    difference = np.abs(ours - original)
    assert difference.max() < (0.01 if kind.startswith("open_clip") else 2.01)
    assert difference.mean() < 0.5


def test_a_tokeniser_that_falls_back_to_bytes(tmp_path: Path) -> None:
    """SigLIP 2 has Gemma's: byte-pair merges over the whole text, bytes for what it does not know, padding before."""
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Replace(" ", "▁")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    specials = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *(f"<0x{byte:02X}>" for byte in range(256))]
    made.train_from_iterator(
        [line.lower() for line in CORPUS], trainers.BpeTrainer(vocab_size=400, special_tokens=specials)
    )
    inner = json.loads(made.to_str())["model"]
    merges = [tuple(pair) for pair in inner["merges"]]
    original = transformers.Siglip2Tokenizer(vocab=inner["vocab"], merges=merges, model_max_length=24)
    (tmp_path / "tokenizer.json").write_text(from_transformers(original), encoding="utf-8")
    tower = TextTower(file="x", context_length=24, padding_id=original.pad_token_id, padding_side=original.padding_side)
    tokenise = Tokeniser(tmp_path / "tokenizer.json", tower)
    for text in TEXTS:
        wanted = original([text], padding="max_length", truncation=True, max_length=24, return_tensors="np")[
            "input_ids"
        ]
        np.testing.assert_array_equal(tokenise([text]), wanted, err_msg=repr(text))
    assert len(np.unique(tokenise(TEXTS[:4]), axis=0)) == 4


def test_a_tokeniser_that_comes_out_otherwise_is_refused() -> None:
    with pytest.raises(EncoderError, match=r"tokeniser of that model cannot be written.*'A RED Dress"):
        check_tokenizer(
            "that model",
            lambda texts: np.array([[len(text) for text in texts]]),
            lambda texts: np.array([[len(text.replace("!", "")) for text in texts]]),
        )


def test_what_is_written_is_what_the_network_needs(two_towers: Callable[[str], Exported]) -> None:
    """No tower carries the weights of the other, and any ONNX Runtime from 1.20 reads it."""
    import onnx

    model = two_towers("open_clip_simple")
    folder = model.settings.models_dir / model.spec.name
    sizes = {file.name: file.stat().st_size for file in folder.glob("*.onnx")}
    of_pictures = sum(tensor.numel() * 4 for tensor in model.network.visual.state_dict().values())
    table = model.network.token_embedding.weight.numel() * 4
    assert of_pictures < sizes["picture.onnx"] < table < sizes["text.onnx"] < table + of_pictures
    for file in ("picture.onnx", "text.onnx"):
        graph = onnx.load(folder / file)
        assert graph.ir_version <= 10
        assert [(entry.domain, entry.version <= 21) for entry in graph.opset_import] == [("", True)]


def test_weights_beyond_one_file_lie_beside_the_graph(
    timm_models: Callable[[str], Exported], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As for networks of over 2 GB, which no protobuf message can hold. Such a graph is added with its weights."""
    model = timm_models("resnet18")
    monkeypatch.setattr(graphs, "_ONE_FILE", 1000)
    settings = Settings(models_dir=tmp_path / "models", threads=2)
    add_exported(parse_source("timm:resnet18"), settings, weights=model.place, input_size=40, name="large")
    folder = settings.models_dir / "large"
    assert sorted(file.name for file in folder.iterdir()) == ["model.toml", "picture.onnx", "picture.onnx.data"]
    batch = list(pictures(3, 40))
    np.testing.assert_allclose(load("large", settings).encode(batch), model.encoder.encode(batch), atol=1e-6)
    add_graph(describe_graph(folder / "picture.onnx", settings, name="copy"), folder / "picture.onnx", settings)
    np.testing.assert_allclose(load("copy", settings).encode(batch), model.encoder.encode(batch), atol=1e-6)
    (folder / "picture.onnx.data").write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"picture\.onnx\.data is not the file that was added"):
        load("large", settings)


def test_the_description_says_where_it_comes_from(timm_models: Callable[[str], Exported]) -> None:
    model = timm_models("resnet18")
    row = description(model)
    assert (row.source, row.licence) == ("timm:resnet18", "apache-2.0")
    assert row.weights_sha256 is not None
    assert json.loads((model.place / "config.json").read_text())["architecture"] == "resnet18"


def test_the_same_weights_are_the_same_encoder_and_others_are_not(
    timm_models: Callable[[str], Exported], shelf: Any, tmp_path: Path
) -> None:
    """Out of a pickle, under another name: the same vectors, hence the same digest; cropped otherwise: another."""
    import torch
    from safetensors.torch import load_file

    model = timm_models("resnet18")
    shutil.copy(model.place / "config.json", tmp_path)
    torch.save({"state_dict": load_file(model.place / "model.safetensors")}, tmp_path / "checkpoint.pth")
    source = parse_source("timm:resnet18")
    squashed = add_exported(
        source, shelf, weights=tmp_path, input_size=40, name="again", resize="squash", licence="MIT"
    )
    assert (squashed.licence, squashed.preprocessing) == ("MIT", "squash-resize bicubic, uint8")
    again, first = find_added("again", shelf), description(model)
    assert isinstance(again, OnnxDescription)
    assert again.weights_sha256 == first.weights_sha256
    assert squashed.sha256 != model.spec.sha256
    assert again.model_copy(update={"picture": first.picture}).spec.sha256 == model.spec.sha256
