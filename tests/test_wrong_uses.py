"""Wrong or unlucky uses of the commands: each ends with its exit status and one sentence, never with a traceback.

What only a process of its own can show is elsewhere: Ctrl-C in a terminal in test_stop.py, a closed pipe in
test_cli.py, a taken port in test_app.py.
"""

import errno
import os
import re
import shlex
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from huggingface_hub import constants
from short_runs import at_step, stop

import app as app_py
import train as train_py
from nanogpt import cli
from nanogpt.training import loop

MAIN: dict[str, Callable[[list[str]], Any]] = {"train": train_py.main, "nanogpt": cli.main, "app": app_py.main}
TRAIN = (
    "train --model gpt --data text.txt --n_layer 1 --n_head 2 --n_embd 16 --block_size 16 --batch_size 4 --max_iters 8 "
    "--eval_interval 4 --eval_iters 1 --warmup_iters 2 --num_threads 1 --device cpu --dtype float32"
)
NEW = f"{TRAIN} --name new"
MINE = f"{TRAIN} --name mine"  # there is such a run
Happens = Callable[[pytest.MonkeyPatch], None]


def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """All goes well on the way."""


class Use(NamedTuple):
    """What is typed, the exit status, and the sentence: a regular expression for the end of what is said."""

    typed: str
    status: int
    said: str
    happens: Happens = nothing


def in_step_4(act: Callable[[], None]) -> Happens:
    return lambda monkeypatch: at_step(monkeypatch, 3, act)


def fail(error: OSError) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def ctrl_c_in_the_first_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "estimate_losses", interrupted)


FULL, CLOSED = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "state"), BrokenPipeError(errno.EPIPE, "closed")
USES = [
    # --- a slip of the finger ---
    Use("train --n_lauer 3", 2, "error: unknown option --n_lauer; did you mean --n_layer?"),
    Use("train --max-iters 3", 2, "error: unknown option --max-iters; did you mean --max_iters?"),
    Use("train --max-iters=3", 2, "error: unknown option --max-iters; did you mean --max_iters?"),
    Use("train --no-qk_norm", 2, "error: unknown option --no-qk_norm; did you mean --no_qk_norm?"),
    Use("train --zzz", 2, "error: unknown option --zzz\n"),
    Use("train --n_layer many", 2, "error: argument --n_layer: invalid int value: 'many'"),
    Use("train --model lstm", 2, "error: argument --model: invalid choice: 'lstm' (choose from 'bigram', …"),
    Use("train --preset huge", 2, "error: argument --preset: invalid choice: 'huge' (choose from 'quick', …"),
    Use("train my.txt", 2, "error: my.txt is more than this command takes"),
    Use("train --data", 2, "error: argument --data: expected one argument"),
    Use("train --name a", 2, "error: --name needs exactly one --model"),
    Use("nanogpt", 2, "error: the following arguments are required: COMMAND"),
    Use("nanogpt simple", 2, "error: argument COMMAND: invalid choice: 'simple' (choose from 'sample', …"),
    Use("nanogpt sample --seed x", 2, "error: argument --seed: invalid int value: 'x'"),
    Use("nanogpt sample --temp 1", 2, "error: unknown option --temp; did you mean …"),  # not an abbreviation
    Use("nanogpt analyse", 2, "error: the following arguments are required: MODEL"),
    Use("nanogpt import", 2, "error: the following arguments are required: …"),
    Use("app --prot 1", 2, "error: unknown option --prot; did you mean --port?"),
    # --- values out of range ---
    Use("train --n_layer 0", 1, "error: n_layer must be a whole number from 1 to 48; got 0."),
    Use("train --learning_rate nan", 1, "error: learning_rate must be a number from 0 to 1e+30; got nan."),
    Use(f"{NEW} --n_embd 20 --n_head 3", 1, "error: n_embd must be a multiple of n_head; got 20 and 3."),
    Use(f"{NEW} --name ../../etc", 1, "error: name must be a folder name without slashes; got ../../etc."),
    Use("nanogpt sample --model mine --temperature 3", 1, "error: Temperature must be a number from 0 to 2; got 3.0."),
    Use("nanogpt sample --model mine --off 9.1", 1, "error: Parts to switch off are 1.1 to 1.mlp, … got 9.1."),
    Use("nanogpt inspect --model mine --text sea --position 9", 1, "error: Position must be … from -3 to 2; got 9."),
    Use("nanogpt sample --model mine --beam 99", 1, "error: Beam width must be a whole number from 0 to 8; got 99."),
    Use("nanogpt sample --model mine --context -1", 1, "error: Context must be a whole number from 0 to … got -1."),
    Use("nanogpt score --model mine --off 9.1 -", 1, "error: Parts to switch off are 1.1 to 1.mlp, … got 9.1."),
    Use("nanogpt pull alice", 1, "error: A repository is named USER/REPO, … got alice."),
    Use("app --port 99999", 2, "error: port must be a whole number from 1 to 65,535; got 99999."),
    # --- texts ---
    Use("train --model bigram --data=", 1, "error: data must be the path of a text file; got an empty one."),
    Use("train --model bigram --data nowhere.txt", 1, "error: nowhere.txt: No such file or directory."),
    Use("train --model bigram --data checkpoints", 1, "error: checkpoints: Is a directory."),
    Use("train --model bigram --data empty.txt", 1, "error: empty.txt: the file is empty."),
    Use("train --model bigram --data binary.bin", 1, "error: binary.bin: not UTF-8 text (…)."),
    Use("train --model bigram --data nulls.bin", 1, "error: nulls.bin: not a text but a binary file: …"),
    Use(
        f"{NEW} --data short.txt", 1,
        "error: The training text has 2 characters; windows of block_size 16 need at least 32.",
    ),
    Use(f"{NEW} --data bom.txt", 0, "gpt: … parameters on bom.txt …), 8 steps … in checkpoints/new"),
    Use("nanogpt score --model mine binary.bin", 1, "error: binary.bin: not UTF-8 text (…)."),
    Use("nanogpt score --model mine nowhere.txt", 1, "error: nowhere.txt: No such file or directory."),
    Use("nanogpt score --model mine", 1, "error: Give a file to score, - for standard input, or --protocol."),
    Use("nanogpt score --model mine --protocol --context 3", 1, "error: The protocol has windows of its own: …"),
    Use("nanogpt score --model mine --protocol --data other.txt", 1, "error: mine was trained on a text with sha256 …"),
    Use("nanogpt inspect --model mine --text=", 1, "error: The text holds no character that the model knows."),
    Use("nanogpt sample --model mine --prompt é", 0, "note: 1 character outside the model's vocabulary …U+00E9. …"),
    # --- what the machine cannot hold ---
    Use(f"{NEW} --n_layer 48 --n_embd 2048", 1, "error: The model has 2,442,146,368 parameters; … Make it …"),
    Use(f"{NEW} --batch_size 65536 --n_embd 2048", 1, "error: Training needs about … GiB of memory; … GiB are free. …"),
    Use(f"{NEW} --device cuda:99", 1, "error: device 'cuda:99' cannot be used here: …"),
    Use(f"{NEW} --report_to wandb", 1, "error: report_to wandb needs its package: pip install wandb (…)."),
    # --- runs that are there, or not ---
    Use(MINE, 1, "error: checkpoints/mine exists. Give --resume to continue it, --overwrite to replace it, or …"),
    Use(f"{MINE} --resume --data other.txt", 1, "… has text sha256 …; this command gives text sha256 …"),
    Use(f"{MINE} --resume --tokenizer checkpoints/foreign", 1, "… text vocabulary 16; this command gives … others. …"),
    Use(f"{MINE} --resume --seed 7", 1, "error: The saved run has seed 1; this command gives seed 7. …"),
    Use(f"{MINE} --resume --n_layer 2", 1, "error: The saved run has n_layer 1; this command gives n_layer 2. …"),
    Use(f"{MINE} --resume --max_iters 9", 0, "note: the schedule is another than before: max_iters was 8 and is 9 …"),
    Use(f"{NEW} --resume", 1, "error: checkpoints/new/state holds no saved state to continue from. Without --resume…"),
    Use(f"{NEW} --out_dir text.txt", 1, "error: text.txt/new: Not a directory"),
    # --- models that are there, or not ---
    Use(f"{NEW} --init_from checkpoints/nothing", 1, "error: checkpoints/nothing is not a folder here. HF…"),
    Use(f"{NEW} --init_from checkpoints/damaged", 1, "error: damaged/model.safetensors: the digest is not …"),
    Use(f"{NEW} --init_from checkpoints/mine --n_layer 3", 1, "error: init_from: mine has n_layer 1, this run 3."),
    Use(f"{NEW} --grow_vocabulary", 1, "error: grow_vocabulary adds characters …: it needs init_from."),
    Use(f"{NEW} --distill_from checkpoints/foreign", 1, "error: distill_from: foreign has another vocabulary …"),
    Use("nanogpt sample --model nothing", 1, "error: Unknown model nothing; the models are damaged, foreign, mine."),
    Use("nanogpt sample --checkpoints nowhere", 1, "error: There is no folder nowhere."),
    Use("nanogpt sample --model checkpoints/damaged", 1, "error: damaged/model.safetensors: the digest is not …"),
    Use("nanogpt sample --model damaged", 1, "error: damaged/model.safetensors: the digest is not …"),
    Use("nanogpt plot nowhere", 1, "error: nowhere/metrics.jsonl: No such file or directory."),
    Use("nanogpt import text.txt x", 1, "error: text.txt: not a file of torch.save that holds only tensors and …"),
    Use("nanogpt import payload.pt x", 1, "error: payload.pt: not a file of torch.save that holds only tensors and …"),
    Use("nanogpt push checkpoints/nothing alice/gpt", 1, "error: nothing/config.json: No such file or directory."),
    Use("app --models nowhere", 2, "error: nowhere is neither a folder here nor the name of a repository, USER/REPO"),
    # --- bad luck on the way ---
    Use(NEW, 0, "… stopped at step 4; … to continue from step 4, …", in_step_4(stop(signal.SIGINT))),
    Use(NEW, 130, "stopped at once; the last saved state, if there …, is intact", in_step_4(stop(signal.SIGINT, 2))),
    Use(NEW, 130, "stopped at once; the last saved state, if …", ctrl_c_in_the_first_evaluation),
    Use(NEW, 1, "error: state: No space left on device. The state of step 0 … is intact; …", in_step_4(fail(FULL))),
    Use(NEW, 1, "error: Nobody reads the output any more. The state of step 0 …", in_step_4(fail(CLOSED))),
    Use(f"{NEW} --learning_rate 1e30 --matrix_lr 1e30", 1, "error: Step …: the loss is … The state of step 0 …"),
    Use(
        f"{MINE} --overwrite", 0, "… still has the model of the earlier run to continue from step 4, …",
        in_step_4(stop(signal.SIGINT)),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def texts_and_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad texts, two finished runs, a damaged model and a file that calls a program."""
    folder = tmp_path_factory.mktemp("uses")
    text = "to be or not to be;\nthe sea, a king\n" * 200
    for name, content in {"text": text, "other": text[:-1] + "?", "foreign": text.replace("e", "é")}.items():
        (folder / f"{name}.txt").write_text(content, encoding="utf-8")
    (folder / "bom.txt").write_text(text, encoding="utf-8-sig")
    (folder / "short.txt").write_text("abc")
    (folder / "empty.txt").touch()
    (folder / "binary.bin").write_bytes(bytes(range(256)) * 40)
    (folder / "nulls.bin").write_bytes(bytes(1000))

    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, ("ran",)

    torch.save({"model": Payload()}, folder / "payload.pt")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name in ("mine", "foreign"):
            words = shlex.split(TRAIN.replace("text.txt", "foreign.txt" if name == "foreign" else "text.txt"))
            assert train_py.main([*words[1:], "--name", name]) == 0
    shutil.copytree(folder / "checkpoints" / "foreign", folder / "checkpoints" / "damaged")
    weights = folder / "checkpoints" / "damaged" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    return folder


@pytest.fixture
def here(texts_and_models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A copy of that folder is the current one; the Hub cannot be reached; what a command sets is set back."""
    shutil.copytree(texts_and_models, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    threads, handler = torch.get_num_threads(), signal.getsignal(signal.SIGINT)
    with torch.random.fork_rng():
        yield
    assert signal.getsignal(signal.SIGINT) is handler
    torch.set_num_threads(threads)


def pattern(said: str) -> str:
    return re.escape(said).replace("…", "(?s:.*)")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("use", USES, ids=lambda use: " ".join(use.typed.replace(TRAIN, "train").split())[:60])
def test_one_status_and_one_sentence(
    use: Use, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use.happens(monkeypatch)
    program, *words = shlex.split(use.typed)
    before = Path("checkpoints/mine/model.safetensors").read_bytes()
    try:
        status = cli.answer_errors(MAIN[program], words)
    except SystemExit as exit:
        status = exit.code
    out, err = capsys.readouterr()
    said = err if status else " ".join((err + out).split())
    assert re.search(pattern(use.said), said), said
    assert status == use.status, said
    assert "Traceback" not in out + err
    if status == 2:
        assert err.count("\n") == 2
        assert err.endswith(" --help lists all options.\n")
    elif status:
        assert len([line for line in err.splitlines() if not line.startswith("note: ")]) == 1
    assert not Path("ran").exists()
    if "--max_iters 9" not in use.typed:  # only the run that was resumed has another model now
        assert Path("checkpoints/mine/model.safetensors").read_bytes() == before


def test_the_table_is_long_enough() -> None:
    assert len({(use.typed, use.happens) for use in USES}) == len(USES) >= 60
