"""The saved states of a run: the newest undamaged one is found, and old ones are dropped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from nanogpt.storage import states as module
from nanogpt.storage.states import latest_state, save_state


def state(value: float) -> dict[str, torch.Tensor]:
    return {"a": torch.full((3,), value), "step": torch.tensor(value)}


def test_states_are_kept_and_dropped(tmp_path: Path) -> None:
    assert latest_state(tmp_path / "state") is None
    for step in (1, 2, 3, 10):
        save_state(tmp_path, step, state(step), {"seconds": step / 2})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "00000003.json", "00000003.safetensors", "00000010.json", "00000010.safetensors",
    ]  # fmt: skip
    found = latest_state(tmp_path)
    assert found is not None
    assert torch.equal(found[0]["a"], state(10)["a"])
    assert (found[1]["step"], found[1]["seconds"]) == (10, 5)


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", [lambda b: b[:-5], lambda b: b"", lambda b: b[:-3] + b"\x7f\x7f\x7f", None])
def test_a_damaged_newest_state_is_passed_over(
    suffix: str, damage: Callable[[bytes], bytes] | None, tmp_path: Path
) -> None:
    for step in (1, 2):
        save_state(tmp_path, step, state(step), {})
    path = tmp_path / f"00000002{suffix}"
    path.write_bytes(damage(path.read_bytes())) if damage else path.unlink()
    found = latest_state(tmp_path)
    assert found is not None
    assert found[1]["step"] == 1


def test_a_crash_while_a_state_is_saved_keeps_the_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for crash_at in (1, 2):
        folder = tmp_path / str(crash_at)
        save_state(folder, 1, state(1), {})
        save_state(folder, 2, state(2), {})
        names = sorted(p.name for p in folder.iterdir())
        write, calls = module.write_file, []

        def dying(path: Path, data: bytes) -> None:
            calls.append(path)  # noqa: B023
            if len(calls) == crash_at:  # noqa: B023
                raise OSError(28, "No space left on device")
            write(path, data)  # noqa: B023

        monkeypatch.setattr(module, "write_file", dying)
        with pytest.raises(OSError):
            save_state(folder, 3, state(3), {})
        monkeypatch.undo()
        assert set(names) <= {p.name for p in folder.iterdir()}
        found = latest_state(folder)
        assert found is not None
        assert found[1]["step"] == 2


@pytest.mark.parametrize("key", ["step", "sha256", "seconds", "digest"])
def test_a_manifest_without_a_key_is_passed_over(key: str, tmp_path: Path) -> None:
    save_state(tmp_path, 2, state(2), {"seconds": 1.5})
    path = tmp_path / "00000002.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))
    assert latest_state(tmp_path) is None
