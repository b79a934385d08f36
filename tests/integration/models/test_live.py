"""Versions that take over while batches go through: none fails, each has the result of the version that is told."""

import queue
import shutil
import threading
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest

from flinktf import models

NUMBERS, ANSWERS = pa.schema([("x", pa.float32())]), pa.schema([("y", pa.float32())])
BATCH = pa.record_batch([pa.array(np.ones(64, np.float32))], schema=NUMBERS)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Twenty versions, 1 to 20: each gives its number. "nan" gives none, "text" takes text."""
    import tensorflow as tf

    root = tmp_path_factory.mktemp("versions")

    def write(name, function, dtype=tf.float32):
        module = tf.Module()
        module.call = tf.function(function, input_signature=[tf.TensorSpec([None], dtype, "x")], autograph=False)
        tf.saved_model.save(module, str(root / name), {"serving_default": module.call})

    for number in range(1, 21):
        write(str(number), lambda x, number=number: {"y": x * number})
    write("nan", lambda x: {"y": x / 0.0 - x / 0.0})
    write("text", lambda x: {"y": tf.cast(tf.strings.length(x), tf.float32)}, tf.string)
    return root


def opened(version):
    return models.Predictor(models.load(version.path), NUMBERS, ANSWERS, not_finite="reject")


class Events:
    """What is told, to wait for."""

    def __init__(self):
        self.queue = queue.Queue()

    def __call__(self, event):
        self.queue.put(event)

    def until(self, kind, version=None):
        """The first event of the kind from now on, and of the version."""
        while True:
            event = self.queue.get(timeout=30)
            if event.kind == kind and version in (None, event.version):
                return event


@contextmanager
def followed(source, **options):
    events = Events()
    with models.LiveModel(source, options.pop("open", opened), tell=events, **{"every": 0.05} | options) as live:
        yield live, events


def answer(live):
    with live.current() as (version, predictor):
        outputs, errors = predictor.predict(BATCH)
        assert errors.null_count == 64
        return version, set(outputs["y"].to_pylist())


@contextmanager
def called(live):
    """Four threads that call, as fast as they can: the versions they saw, and all that went wrong."""
    stop, seen, wrong = threading.Event(), set(), []

    def call():
        while not stop.is_set() and not wrong:
            try:
                version, results = answer(live)
            except Exception as error:
                wrong.append(error)
            else:
                seen.add(version)
                if results != {float(version)}:
                    wrong.append((version, results))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield seen, wrong
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_no_call_fails_while_twenty_versions_take_over(written):
    source = models.Announcements()
    with followed(source) as (live, events):
        source.announce(1, written / "1")
        live.wait_first(30)
        with called(live) as (seen, wrong):
            for number in range(2, 21):
                source.announce(number, written / str(number))
                events.until("swapped", str(number))
        assert not wrong
        assert answer(live) == ("20", {20.0})
    assert len(seen) > 5


def test_back_to_the_version_before(written):
    source, loads = models.Announcements(), []

    def counted(version):
        loads.append(version.name)
        return opened(version)

    with followed(source, open=counted) as (live, events):
        for name in ("1", "2", "1"):
            source.announce(name, written / name)
            events.until("swapped", name)
            assert answer(live) == (name, {float(name)})
        assert loads == ["1", "2"]
        source.announce("3", written / "3")
        events.until("swapped", "3")
        source.announce("2", written / "2")  # only one is kept, and that is 1
        events.until("swapped", "2")
        assert loads == ["1", "2", "3", "2"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nan", "rejects all 64 records of the last batch: output 'y' is not finite"),
        ("text", "column 'x' is float, and tensor 'x' wants string"),
        ("nowhere", "there is no model at"),
    ],
)
def test_a_version_that_is_refused(name, reason, written):
    source = models.Announcements()
    with followed(source) as (live, events):
        source.announce("1", written / "1")
        live.wait_first(30)
        answer(live)
        source.announce("bad", written / name)
        assert reason in events.until("refused", "bad").reason
        assert answer(live) == ("1", {1.0})
        source.announce("2", written / "2")
        events.until("swapped", "2")


def test_a_bad_version_is_tried_again_when_it_has_changed(written, tmp_path):
    source, tries = models.VersionedDirectory(tmp_path), []

    def counted(version):
        tries.append(version.name)
        return opened(version)

    shutil.copytree(written / "1", tmp_path / "1")
    polled = threading.Semaphore(0)
    poll = source.poll
    source.poll = lambda: (polled.release(), poll())[1]
    with followed(source, open=counted, every=0.01) as (live, events):
        live.wait_first(30)
        shutil.copytree(written / "text", tmp_path / "2")
        events.until("refused", "2")
        for _ in range(polled._value + 5):
            assert polled.acquire(timeout=30)
        assert tries == ["1", "2"]
        shutil.rmtree(tmp_path / "2")
        shutil.copytree(written / "2", tmp_path / "2")
        events.until("swapped", "2")
        assert answer(live) == ("2", {2.0})


def test_a_half_written_version_is_tried_again(written, tmp_path):
    source = models.Announcements()
    half = shutil.copytree(written / "2", tmp_path / "2")
    (half / "variables" / "variables.index").unlink()
    with followed(source) as (live, events):
        source.announce("2", half)
        assert "lacks variables/variables.index" in events.until("refused").reason
        shutil.copy(written / "2" / "variables" / "variables.index", half / "variables")
        assert live.wait_first(30) == "2"


def test_the_newest_is_bad_from_the_beginning(written, tmp_path):
    shutil.copytree(written / "1", tmp_path / "1")
    shutil.copytree(written / "text", tmp_path / "2")
    with followed(models.VersionedDirectory(tmp_path)) as (live, events):
        assert live.wait_first(30) == "1"
        assert events.until("refused").version == "2"


def test_the_first_one_is_awaited(written):
    source = models.Announcements()
    with followed(source) as (live, events):
        with pytest.raises(models.NoModelError, match="no version is loaded yet"), live.current():
            pass
        with pytest.raises(models.NoModelError, match=r"was ready after 0.01 s: none there"):
            live.wait_first(0.01)
        source.announce("bad", written / "text")
        with pytest.raises(models.DtypeError, match="tensor 'x' wants string"):
            live.wait_first(30)
        source.announce("1", written / "1")
        events.until("swapped", "1")
        assert live.wait_first(30) == "1"


def test_a_source_in_trouble_is_told_and_not_raised(written, tmp_path):
    with followed(models.VersionedDirectory(tmp_path / "wine")) as (live, events):
        assert "cannot be read" in events.until("source").reason
        with pytest.raises(models.NoModelError, match="cannot be read"):
            live.wait_first(0.01)
        shutil.copytree(written / "3", tmp_path / "coming" / "3")
        (tmp_path / "coming").rename(tmp_path / "wine")
        assert live.wait_first(30) == "3"


def test_an_old_version_is_closed_after_its_last_batch(written):
    source, closed = models.Announcements(), queue.Queue()

    class Closing(models.Predictor):
        def close(self):
            super().close()
            closed.put(self)

    def opened(version):
        return Closing(models.load(version.path), NUMBERS, ANSWERS)

    with followed(source, open=opened, keep_old=0) as (live, events):
        source.announce("1", written / "1")
        live.wait_first(30)
        with live.current() as (_, predictor):
            source.announce("2", written / "2")
            events.until("swapped", "2")
            assert predictor.predict(BATCH).errors.null_count == 64
            assert closed.empty()
        assert closed.get(timeout=30) is predictor
        with pytest.raises(models.ClosedError):
            predictor.predict(BATCH)
    with pytest.raises(models.ClosedError), live.current():
        pass


def test_who_listens_does_not_stop_the_model(written, caplog):
    def tell(event):
        raise ValueError("no ears")

    source = models.Announcements()
    with models.LiveModel(source, opened, tell=tell) as live:
        source.announce("1", written / "1")
        assert live.wait_first(30) == "1"
    assert "an event could not be told" in caplog.text
