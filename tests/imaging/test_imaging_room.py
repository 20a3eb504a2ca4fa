"""The room as a whole: its names, and what it costs to enter."""

import subprocess
import sys

from yunmeng import imaging


def test_public_names_exist_and_are_sorted() -> None:
    assert all(hasattr(imaging, name) for name in imaging.__all__)
    constants, classes, functions = (
        [name for name in imaging.__all__ if kind(name)]
        for kind in (str.isupper, lambda name: name[0].isupper() and not name.isupper(), str.islower)
    )
    assert imaging.__all__ == sorted(constants) + sorted(classes) + sorted(functions)


def test_entering_loads_nothing_heavy() -> None:
    heavy = ["cv2", "pillow_heif", "PIL.ImageCms", "scipy", "imagehash", "pdqhash", "onnxruntime", "pydantic"]
    code = f"import sys, yunmeng.imaging; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
