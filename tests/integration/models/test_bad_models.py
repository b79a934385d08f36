"""Models that are not there, not whole, or no models: refused with the reason, most of them before TensorFlow reads."""

import json
import shutil
from pathlib import Path

import pytest

from flinktf import models
from flinktf.models import memory
from integration.models.tfjs_files import save_tfjs

DATA, INDEX = "variables/variables.data-00000-of-00001", "variables/variables.index"


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def garbage(path: Path) -> None:
    path.write_bytes(b"\xff" * 1000)


@pytest.mark.parametrize(
    ("do", "file", "error", "text"),
    [
        (Path.unlink, DATA, models.HalfWrittenError, "lacks variables/variables.data-00000-of-00001"),
        (Path.unlink, INDEX, models.HalfWrittenError, "lacks variables/variables.index"),
        (Path.unlink, "saved_model.pb", models.HalfWrittenError, "no saved_model.pb"),
        (cut, DATA, models.HalfWrittenError, "variables of the SavedModel"),
        (cut, INDEX, models.HalfWrittenError, "variables of the SavedModel"),
        (cut, "saved_model.pb", models.UnreadableModelError, "cannot be loaded"),
        (garbage, "saved_model.pb", models.UnreadableModelError, "cannot be loaded"),
        (lambda path: path.write_bytes(b""), "saved_model.pb", models.HalfWrittenError, "is empty"),
        (lambda path: shutil.rmtree(path.parent), INDEX, models.HalfWrittenError, "lacks variables/variables.index"),
    ],
)
def test_saved_models_with_something_wrong(do, file, error, text, saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "m")
    do(folder / file)
    for leftover in ("fingerprint.pb",) if file == "saved_model.pb" else ():
        (folder / leftover).unlink()
    with pytest.raises(error, match=text):
        models.load(folder)


@pytest.mark.parametrize(
    ("name", "content", "error", "text"),
    [
        ("nowhere", None, models.ModelNotFoundError, "no model at"),
        ("empty/", None, models.EmptyModelError, "is empty"),
        ("notes.txt", b"hello", models.UnreadableModelError, "has none of the names"),
        ("graph.pb", b"\xff" * 100, models.UnreadableModelError, "is no GraphDef"),
        ("graph.pb", b"", models.HalfWrittenError, "is empty"),
        ("m.keras", b"PK no zip", models.UnreadableModelError, "cannot be loaded"),
        ("m.h5", b"no hdf5", models.UnreadableModelError, "cannot be loaded"),
        ("js/model.json", b"{", models.UnreadableModelError, "cannot be read"),
        ("js/model.json", b"[]", models.UnreadableModelError, "no JSON object"),
        ("js/model.json", b'{"format": "graph-model"}', models.UnreadableModelError, "no layers model"),
        ("other/readme.md", b"", models.UnreadableModelError, "it has: readme.md"),
        ("versions/12/readme.md", b"", models.UnreadableModelError, r"numbered versions; load .*12, or follow"),
    ],
)
def test_what_is_no_model(name, content, error, text, tmp_path):
    path = tmp_path / name
    if name.endswith("/"):
        path.mkdir()
    elif content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    with pytest.raises(error, match=text):
        models.load(tmp_path / Path(name).parts[0])


@pytest.mark.parametrize(
    ("do", "text"),
    [(Path.unlink, "lacks its shard group1-shard2of3.bin"), (cut, r"have \d+ bytes of 92")],
)
def test_a_shard_of_tensorflow_js_that_is_missing_or_short(do, text, keras_2, tmp_path):
    folder = save_tfjs(keras_2, tmp_path / "m", shard_bytes=40)
    do(folder / "group1-shard2of3.bin")
    with pytest.raises(models.HalfWrittenError, match=text):
        models.load(folder)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"name": "other/kernel"}, "no weight .*'answer"),
        ({"shape": [2, 3]}, r"is \[2, 3\]; its layer is \[3, 2\]"),
        ({"dtype": "float8"}, "type is float8"),
    ],
)
def test_weights_of_tensorflow_js_that_do_not_fit(change, text, keras_2, tmp_path):
    folder = save_tfjs(keras_2, tmp_path / "m")
    document = json.loads((folder / "model.json").read_text())
    weights = document["weightsManifest"][0]["weights"]
    next(weight for weight in weights if weight["name"] == "answer/kernel").update(change)
    (folder / "model.json").write_text(json.dumps(document))
    with pytest.raises(models.UnreadableModelError, match=text):
        models.load(folder)


def test_a_model_larger_than_memory(saved, monkeypatch):
    monkeypatch.setattr(memory, "left", lambda: 1000)
    with pytest.raises(models.NotEnoughMemoryError, match=r"has 0\.\d MiB on disk, and this process has 0\.0 MiB"):
        models.load(saved)


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({"memory.max": "1000", "memory.current": "700", "memory.stat": "anon 1\ninactive_file 200\n"}, 500),
        ({"memory.max": "1000", "memory.current": "1700", "memory.stat": "inactive_file 200\n"}, 0),
        (
            {
                "memory/memory.limit_in_bytes": "1000",
                "memory/memory.usage_in_bytes": "600",
                "memory/memory.stat": "total_inactive_file 100\n",
            },
            500,
        ),
    ],
)
def test_memory_left_by_a_cgroup(files, left, tmp_path):
    (tmp_path / "memory").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert memory.left(tmp_path) == left


def test_memory_without_a_limit_is_the_machines(tmp_path):
    for name, text in (("memory.max", "max"), ("memory.current", "5"), ("memory.stat", "inactive_file 1\n")):
        (tmp_path / name).write_text(text)
    assert memory.left(tmp_path) > 1 << 20


def test_another_kind_than_was_insisted_on(saved):
    with pytest.raises(models.UnreadableModelError, match=r"there is a saved_model at .*, not a tfjs"):
        models.load(saved, kind="tfjs")
