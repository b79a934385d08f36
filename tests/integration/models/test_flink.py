"""A model in Flink's own Python functions: pickled without it, opened where it runs, a key's state as its input."""

import subprocess
import sys

JOB = """
import sys

import numpy as np
from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.state import ValueStateDescriptor

from flinktf import models


class SumWithTheLast(models.ModelAware, KeyedProcessFunction):
    def open(self, context):
        self.open_model()
        self.last = context.get_state(ValueStateDescriptor("last", Types.FLOAT()))

    def process_element(self, value, context):
        features = np.array([[value[1], self.last.value() or 0.0, 0.0, 0.0]], np.float32)
        yield f"{value[0]} {self.model.predict(given=features)['total'][0]}"
        self.last.update(value[1])

    def close(self):
        self.close_model()


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
rows = env.from_collection([("a", 1.0), ("b", 2.0), ("a", 3.0)], Types.TUPLE([Types.STRING(), Types.FLOAT()]))
rows.key_by(lambda row: row[0]).process(SumWithTheLast(sys.argv[1]), Types.STRING()).print()
env.execute()
"""


def test_a_keyed_function(frozen, tmp_path):
    (tmp_path / "job.py").write_text(JOB)
    done = subprocess.run(
        [sys.executable, "job.py", str(frozen)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert sorted(done.stdout.splitlines()) == ["a 1.0", "a 4.0", "b 2.0"], done.stderr[-3000:]
