from flinktf.training.progress import Progress


class Control:
    def __init__(self):
        self.sent = []

    def send(self, event, **values):
        self.sent.append(values)


class Subtask:
    def __init__(self):
        self.told = []

    def progress(self, step, rows, metrics):
        self.told.append({"step": step, "rows": rows, "metrics": metrics})


class Lazy:
    """A metric that knows whether someone has looked."""

    reads = 0

    def __float__(self):
        Lazy.reads += 1
        return 0.5


def test_progress_is_sent_at_most_ten_times_a_second_and_the_last_one_always():
    control, subtask = Control(), Subtask()
    progress = Progress(control, subtask)
    for step in range(1, 1001):
        progress.report(step, step * 32, {"loss": Lazy()})
    progress.flush()
    progress.flush()
    assert len(control.sent) < 20
    assert Lazy.reads == len(control.sent)
    assert control.sent[-1] == {"step": 1000, "rows": 32000, "metrics": {"loss": 0.5}}
    assert subtask.told == control.sent


def test_numbers_that_are_none_are_left_out():
    control = Control()
    Progress(control, Subtask()).report(1, 1, {"loss": float("nan"), "accuracy": 1})
    assert control.sent[-1]["metrics"] == {"accuracy": 1.0}
