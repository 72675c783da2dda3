"""Read a numpy archive a whole member at a time.

numpy's own reader inflates 4 kB at a time and lets go of the interpreter's lock each time. Beside a busy event loop
every such pause may cost 5 ms, and a model of 4 MB has a thousand of them.
"""

import io
import zipfile
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_arrays(raw: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays by name. Raises ValueError or zipfile.BadZipFile where the bytes are no such archive."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return {name.removesuffix(".npy"): np.load(io.BytesIO(member)) for name, member in members.items()}
