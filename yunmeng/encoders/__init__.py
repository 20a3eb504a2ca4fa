"""Encoders turn pictures into vectors. Here are the catalogue of encoders and the loading of one."""

from yunmeng.encoders.batching import BatchingEncoder
from yunmeng.encoders.catalogue import DEFAULT_ENCODER, get_spec, load, load_built_in, specs
from yunmeng.encoders.imagenet import class_names, top_classes
from yunmeng.encoders.onnx_encoder import OnnxEncoder
from yunmeng.encoders.onnx_runtime import available_devices
from yunmeng.encoders.protocol import Encoder, EncoderSpec, TextEncoder

__all__ = [
    "DEFAULT_ENCODER",
    "BatchingEncoder",
    "Encoder",
    "EncoderSpec",
    "OnnxEncoder",
    "TextEncoder",
    "available_devices",
    "class_names",
    "get_spec",
    "load",
    "load_built_in",
    "specs",
    "top_classes",
]
