"""Commands given damaged files and odd arguments: number `n` of seed `s` is always the same attack.

Each begins from a folder as a user has it (`prepare`): a program, its data files, a run of it with checkpoints.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz import corpus, files, world
from tests.fuzz.commands import broken_command
from tests.fuzz.mutations import mutate
from tests.fuzz.oracle import Finding
from tests.fuzz.words import NUMBERS, listed

_PROGRAM = """\
gdl 1
hyper lr: float = 0.1 in (0, 10)
hyper k: int = 2 in [1, 64]
hyper mode: "a" | "b" = "a"
hyper name: string = "n"
hyper on: bool = true
hyper free: float = 1.0
data d = npz("a.npz")
dim batch
placeholder x: f32[batch, 2]
variable w: f32[2, k] = normal(std=0.1)
state seen: i64[] = 0
update seen = seen + 1
loss = mean((x @ w - free) ** 2)
train {
  epochs 2
  feed x = x + 1 from d batch 4 shuffle
  minimize loss with Adam(lr)
  report loss every 2 steps
  run show every epoch
  save best loss
  save every 2 steps
}
eval show { feed x = x from d
  report loss
}
test "right" { feed x = [[1, 2]]
  expect loss >= 0
}
"""
_READS = {
    "a.csv": 'data d = csv("a.csv")',
    "classes.csv": 'data d = csv("a.csv", classes="kind", test=0.4, sep=",")',
    "a.npz": 'data d = npz("a.npz")',
    "a.idx": 'data d = idx(x="a.idx")',
    "tinyshakespeare.txt": 'data d = chars("tinyshakespeare.txt", 4)',
}
_FEEDS = {
    "a.csv": "feed x = x from d", "classes.csv": "feed x = x from d.train", "a.npz": "feed x = x from d",
    "a.idx": "feed x = x from d", "tinyshakespeare.txt": "feed x = ids from d.train batch 3",
}  # fmt: skip
_TYPES = {
    "a.csv": "i64[n]", "classes.csv": "i64[n]", "a.npz": "f32[n, 2]", "a.idx": "u8[n, 2]",
    "tinyshakespeare.txt": "i64[n, 4]",
}  # fmt: skip
_ODD_NAME = "\udcff\u202e.gdl"  # bytes that are not UTF-8, and a mark that turns the writing round
_WORDS = (*listed("""
    run  check  eval  test  fmt  --diff  --set  --seed  --epochs  --steps  --out  --resume  --data  --json  --quiet
    --help  -h  --version  --strict  --from  p.gdl  missing.gdl  .  run1  show  nothing  lr=0.5  lr=  =  k=3  -1  0  1
    99999999999999999999  1e3  abc  --  -  --bogus  --set=k=2  out  mode=b  mode=c  on=maybe  a.npz  /  --epochs=1
    --steps=2  ~  run1/config.json  run1/checkpoints/latest  p.gdl/p.gdl  loop  loop.gdl  loop/a
"""), "", " ", "\udcff", "\udcff.gdl", "\u202e.gdl", "x" * 300, _ODD_NAME, _ODD_NAME)  # fmt: skip
_SETTINGS = ("lr", "k", "mode", "name", "on", "free", "lrr", "", "K", "\u202e", "\udcff", "a b", "d", "w")


@dataclass(frozen=True)
class Place:
    """A folder to work in, and what lay in it at first."""

    folder: Path
    original: Path

    def restore(self) -> None:
        for path in list(self.folder.iterdir()):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        shutil.copytree(self.original, self.folder, symlinks=True, dirs_exist_ok=True)


def prepare(folder: Path) -> Place:
    """The folder with everything in it; the caller makes it the current one before."""
    world.build(folder)
    for name in ("p.gdl", _ODD_NAME):
        try:
            (folder / name).write_text(_PROGRAM, encoding="utf-8")
        except (OSError, UnicodeEncodeError):  # not on every system
            continue
    found = broken_command(["run", "p.gdl", "--out", "run1", "--quiet"])
    assert found is None, found
    original = folder.with_name(f"{folder.name}-original")
    shutil.copytree(folder, original, symlinks=True)
    return Place(folder, original)


def attack(place: Place, seed: int, number: int) -> Finding | None:
    """What one attack breaks, if anything."""
    random = Random(f"{seed}/{number}")
    place.restore()
    args = random.choice(_KINDS)(random, place.folder)
    return broken_command(args)


def _config(random: Random, folder: Path) -> Sequence[str]:
    path = folder / "run1" / "config.json"
    path.write_bytes(files.damage_json_text(random, path.read_bytes()))
    return _of_run(random)


def _log(random: Random, folder: Path) -> Sequence[str]:
    path = folder / "run1" / random.choice(("metrics.jsonl", "checkpoints/latest", "checkpoints/best", "program/p.gdl"))
    path.write_bytes(files.damage_bytes(random, path.read_bytes()))
    return _of_run(random)


def _layout(random: Random, folder: Path) -> Sequence[str]:
    """Something of a run is lost, a folder, or a link to nowhere."""
    path = random.choice(sorted((folder / "run1").rglob("*")))
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if random.random() < 0.4:
        path.mkdir()
    elif random.random() < 0.3:
        path.symlink_to("nowhere")
    elif random.random() < 0.3:
        path.write_bytes(b"")
    return _of_run(random)


def _checkpoints(random: Random, folder: Path) -> Sequence[str]:
    some = sorted((folder / "run1" / "checkpoints").glob("*.safetensors"))
    for path in some if random.random() < 0.7 else [some[-1]]:
        path.write_bytes(files.damage_safetensors(random, path.read_bytes()))
    return random.choice((_of_run(random), ["eval", "p.gdl", "--from", str(some[-1])]))


def _of_run(random: Random) -> Sequence[str]:
    resume = ["run", "--resume", "run1"]
    return random.choice((resume, [*resume, "--epochs", "3"], ["eval", "run1"], ["eval", "run1", "--json"]))


def _data(random: Random, folder: Path) -> Sequence[str]:
    """A data file damaged, and a program that reads it."""
    name = random.choice(list(_READS))
    file = folder / name.replace("classes", "a")
    damage = files.damage_npz if name == "a.npz" else files.damage_bytes
    content = files.bomb_npz(8) if random.random() < 0.01 else damage(random, file.read_bytes())
    file.write_bytes(content)
    text = f"dim n\n{_READS[name]}\nplaceholder x: {_TYPES[name]}\neval e {{ {_FEEDS[name]}\n  report sum(f32(x)) }}\n"
    (folder / "reads.gdl").write_text(text, encoding="utf-8")
    return random.choice((["run", "reads.gdl"], ["check", "reads.gdl"], ["run", "reads.gdl", "--json"]))


def _settings(random: Random, folder: Path) -> Sequence[str]:
    odd = ("\u0663", " 2 ", "'a'", '"b"', "\udcff", "\x1b[31m", "--set")
    values = (*NUMBERS, *odd, "nan", "inf", "1_0", "0x10", "tRUE", "a", "1e5")
    texts = [f"{random.choice(_SETTINGS)}={random.choice(values)}" for _ in range(random.choice((1, 1, 2)))]
    return ["run", "p.gdl", "--steps", "1", *[part for text in texts for part in ("--set", text)]]


def _arguments(random: Random, folder: Path) -> Sequence[str]:
    first = [random.choice(("run", "run", "check", "eval", "test"))] if random.random() < 0.9 else []
    return [*first, *(random.choice(_WORDS) for _ in range(random.choice((0, 1, 2, 3, 5))))]


def _program(random: Random, folder: Path) -> Sequence[str]:
    """A program that trains, saves and writes pictures, changed somewhere."""
    pictures = f'eval pictures {{ write "{random.choice(_FILES)}" = sigmoid(normal([4, 6, 6])) }}\n'
    saved = f'save "{random.choice(_FILES)}" every' if random.random() < 0.5 else "save every"
    text = _PROGRAM.replace("save every", saved)
    others = corpus.pieces() if random.random() < 0.3 else (_PROGRAM,)
    text = mutate(random, text + pictures, others) if random.random() < 0.7 else text + pictures
    (folder / "p.gdl").write_bytes(text.encode("utf-8", "surrogatepass"))
    return ["run", "p.gdl", *random.choice(([], ["--out", "new"], ["--out", "run1"], ["--json"])), "--steps", "2"]


def _text(random: Random, folder: Path) -> Sequence[str]:
    """A file of damaged bytes for a program."""
    text = mutate(random, random.choice((_PROGRAM, *corpus.pieces())), corpus.pieces())
    content = text.encode("utf-8", "surrogatepass")
    (folder / "p.gdl").write_bytes(files.damage_bytes(random, content) if random.random() < 0.5 else content)
    check, help = ["check", "p.gdl"], ["run", "p.gdl", "--help"]
    return random.choice((check, [*check, "--json"], [*check, "--strict"], help, ["test", "p.gdl"]))


def _transcript(random: Random, folder: Path) -> Sequence[str]:
    """Inputs at the prompt, changed somewhere."""
    text = mutate(random, random.choice(corpus.transcripts()), corpus.transcripts())
    (folder / "t.gdls").write_bytes(text.encode("utf-8", "surrogatepass"))
    return ["test", "t.gdls", *random.choice(([], ["--json"]))]


_FILES = listed("""
    a.png  b/c.png  p.gdl  p.gdl/a.png  run1  ../a.png  /a.png  a{step}-{epoch}.png  {x}.png  a.PNG  .png  runs
    a\\b.png  c:a.png  aux.png  metrics.jsonl/a.png  checkpoints/latest.png  config.json
""")
_KINDS: tuple[Callable[[Random, Path], Sequence[str]], ...] = (
    _config, _log, _layout, _checkpoints, _checkpoints, _data, _data, _settings, _arguments, _arguments, _text, _text,
    _program, _program, _transcript, _transcript,
)  # fmt: skip
