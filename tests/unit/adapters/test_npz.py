"""Archives of arrays, read whole."""

import io
import zipfile

import numpy as np
import pytest

from gateway.adapters.npz import read_arrays


def test_arrays_come_back_by_name() -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, one=np.arange(100_000), two=np.array([0.5], np.float32))
    found = read_arrays(buffer.getvalue())
    assert found.keys() == {"one", "two"}
    assert np.array_equal(found["one"], np.arange(100_000))
    assert found["two"].dtype == np.float32


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(zipfile.BadZipFile):
        read_arrays(b"no archive")
