"""Numbers travel as base64, and come back as they were."""

import base64

import numpy as np
import torch

from nanogpt.playground.components.packing import packed


def test_arrays_stand_one_after_the_other_row_by_row() -> None:
    text = packed("<f4", [[1.5, 2], [3, -4]], torch.tensor([0.25]))
    assert np.frombuffer(base64.b64decode(text), "<f4").tolist() == [1.5, 2, 3, -4, 0.25]
    assert np.frombuffer(base64.b64decode(packed("<u2", [1, 65_535])), "<u2").tolist() == [1, 65_535]
    assert packed("<u2") == packed("<f4", []) == ""
