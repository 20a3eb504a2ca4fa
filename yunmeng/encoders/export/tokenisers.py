"""Tokenisers of PyTorch's world as the JSON that the library tokenizers reads, id for id.

What a tokeniser does in Python before it splits a text (repairing it, dropping punctuation) becomes normalisers in
the JSON. That they agree is not taken on trust: `check_tokenizer` compares the ids on texts that are hard.
"""

import json
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from yunmeng.errors import EncoderError

__all__ = ["HARD_TEXTS", "LOWERING", "check_tokenizer", "from_simple", "from_transformers"]

Ids: TypeAlias = NDArray[np.int64]

HARD_TEXTS: Final = (
    "",
    " ",
    "a photo of a cat",
    "A RED Dress, size XL!",
    "  two   spaces\tand\na line ",
    "红色连衣裙",
    "一只在沙发上的猫，旁边有两本书。",
    "紅色連衣裙 Red dress 2024款",
    "naïve café ÜBER straße",
    "it's they're don't I'll",
    "emoji 😀👩‍👩‍👧 ❤️",
    "日本語のテキスト 한국어 العربية",
    "ＦＵＬＬ　ｗｉｄｔｈ “curly” ‘quotes’ ﬁne",
    "x" * 200,
    "many words " * 60,
    "多字" * 120,
    "a_b-c/d.e@f#g 1,000.50% (x) [y] {z}",
)
"""Chinese, emoji, capitals, odd spaces, long, empty: where tokenisers come to differ."""

LOWERING: Final = ("lower", "canonicalize")
"""Ways of cleaning that make a text lower-case, which Python does at run time: its rules know the whole word."""

_SPACES: Final = r"\s+"
_QUOTES: Final = (("[ʼ‘-‛]", "'"), ("[“-‟]", '"'))
_ENTITIES: Final = (("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"))
_PUNCTUATION: Final = "[" + "".join(f"\\{mark}" for mark in string.punctuation) + "]"
_META: Final = "▁"  # sentencepiece's sign for a space


def from_transformers(tokenizer: Any, cleaning: str | None = None) -> str:
    """Return the JSON of a tokeniser of transformers, after ``cleaning`` (of open_clip) where it is named."""
    from tokenizers import Tokenizer, normalizers

    backend: Any = getattr(tokenizer, "backend_tokenizer", None) or getattr(tokenizer, "_tokenizer", None)
    made = _from_sentencepiece(tokenizer) if backend is None else Tokenizer.from_str(backend.to_str())
    made.no_truncation()
    made.no_padding()
    if cleaning is not None:
        before = made.normalizer
        made.normalizer = normalizers.Sequence([*_cleaning(cleaning), *([before] if before else [])])
    return str(made.to_str())


def from_simple(tokenizer: Any, cleaning: str) -> str:
    """Return the JSON of open_clip's own byte-pair tokeniser (Radford et al., CLIP, 2021)."""
    from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    start, end = (tokenizer.decoder[number] for number in tokenizer.all_special_ids[:2])
    model = models.BPE(tokenizer.encoder, merges, end_of_word_suffix="</w>", continuing_subword_prefix="")
    made = Tokenizer(model)
    made.normalizer = normalizers.Sequence(_cleaning(cleaning))
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(words, behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    made.add_special_tokens([AddedToken(token, normalized=False) for token in (start, end)])
    specials = [(start, tokenizer.sot_token_id), (end, tokenizer.eot_token_id)]
    made.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=specials)
    return str(made.to_str())


def check_tokenizer(
    what: str, tokenise: Callable[[Sequence[str]], Ids], original: Callable[[Sequence[str]], Ids]
) -> None:
    """Check that both give the same ids. Raises EncoderError, naming the first text on which they differ."""
    for text in HARD_TEXTS:
        ours, theirs = tokenise([text])[0], original([text])[0]
        if not np.array_equal(ours, theirs):
            raise EncoderError(
                f"the tokeniser of {what} cannot be written as a tokenizer.json: on {text[:40]!r} it gives "
                f"{_head(theirs)}, the JSON {_head(ours)}; give a folder that holds its own tokenizer.json"
            )


def _head(ids: Ids) -> str:
    return json.dumps(ids[:8].tolist())


def _cleaning(kind: str) -> list[Any]:
    """Return open_clip's cleaning of a text (`open_clip/tokenizer.py`), as far as normalisers can do it.

    They do ftfy's repair of single characters, not its guesses at wrongly decoded text. Lower-casing is left to
    `LOWERING`.
    """
    from ftfy import chardata
    from tokenizers import Regex, normalizers

    if kind not in ("lower", "whitespace", "canonicalize"):
        raise EncoderError(f"a tokeniser that cleans texts by {kind!r} cannot be written as a tokenizer.json")
    characters = {chr(code): new for code, new in {**chardata.LIGATURES, **chardata.WIDTH_MAP}.items()}
    steps: list[Any] = [normalizers.Replace(old, new) for old, new in (*_ENTITIES, *characters.items())]
    steps += [normalizers.Replace(Regex(old), new) for old, new in _QUOTES]
    steps.append(normalizers.NFC())
    if kind == "canonicalize":
        steps += [normalizers.Replace("_", " "), normalizers.Replace(Regex(_PUNCTUATION), "")]
    return [*steps, normalizers.Replace(Regex(_SPACES), " "), normalizers.Strip()]


def _from_sentencepiece(tokenizer: Any) -> Any:
    """SigLIP's tokeniser, which transformers runs on sentencepiece itself (Kudo, "Subword Regularization", 2018)."""
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    if type(tokenizer).__name__ != "SiglipTokenizer":
        raise EncoderError(
            f"a {type(tokenizer).__name__} cannot be written as a tokenizer.json: give a folder that holds one"
        )
    proto = sentencepiece_model_pb2.ModelProto.FromString(Path(tokenizer.vocab_file).read_bytes())
    if proto.trainer_spec.model_type != proto.trainer_spec.UNIGRAM:
        raise EncoderError("only sentencepiece models of the unigram kind can be written as a tokenizer.json")
    made = Tokenizer(
        models.Unigram([(piece.piece, piece.score) for piece in proto.pieces], proto.trainer_spec.unk_id, False)
    )
    folded = proto.normalizer_spec.precompiled_charsmap
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(_META, " "),
            normalizers.Replace(Regex(_PUNCTUATION), ""),
            normalizers.Replace(Regex(_SPACES), " "),
            normalizers.Strip(),
            *([normalizers.Precompiled(folded)] if folded else []),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Replace(Regex(r"\A"), _META),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_META, prepend_scheme="never")
    end = str(tokenizer.eos_token)
    made.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", special_tokens=[(end, int(tokenizer.eos_token_id))]
    )
    return made
