"""A model in Flink's own Python functions: map, process, window and keyed ones, and a vectorised UDF.

Pickled without the model, which is opened where the function runs; a key's state is an input like any other.
"""

import subprocess
import sys

JOB = """
import sys

import numpy as np
import pyarrow as pa
from pyflink.common import Types
from pyflink.datastream import (
    KeyedProcessFunction, MapFunction, ProcessWindowFunction, StreamExecutionEnvironment)
from pyflink.datastream.state import ValueStateDescriptor
from pyflink.datastream.window import CountTumblingWindowAssigner
from pyflink.table import DataTypes, StreamTableEnvironment
from pyflink.table.expressions import col
from pyflink.table.udf import ScalarFunction, udf

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


class Total(models.ModelAware, MapFunction):
    def open(self, context):
        self.open_model()

    def map(self, value):
        return f"map {self.model.predict(given=np.full((1, 4), value[1], np.float32))['total'][0]}"

    def close(self):
        self.close_model()


class Window(models.ModelAware, ProcessWindowFunction):
    def open(self, context):
        self.open_model()

    def process(self, key, context, elements):
        features = np.array([[value[1], 0.0, 0.0, 0.0] for value in elements], np.float32)
        yield f"window {key} {self.model.predict(given=features)['total'].sum()}"

    def close(self):
        self.close_model()


class Scores(models.ModelAware, ScalarFunction):
    def open(self, context):
        columns = [(name, pa.float32()) for name in "abcd"]
        self.predictor = models.Predictor(self.open_model(), pa.schema(columns), pa.schema([("total", pa.float32())]))

    def eval(self, *columns):
        batch = pa.record_batch([pa.array(one) for one in columns], names=list("abcd"))
        return self.predictor.predict(batch).outputs["total"].to_pandas()

    def close(self):
        self.close_model()


env = StreamExecutionEnvironment.get_execution_environment()
env.set_parallelism(1)
env.set_python_executable(sys.executable)
rows = env.from_collection([("a", 1.0), ("b", 2.0), ("a", 3.0)], Types.TUPLE([Types.STRING(), Types.FLOAT()]))
keyed = rows.key_by(lambda row: row[0])
keyed.process(SumWithTheLast(sys.argv[1]), Types.STRING()).print()
rows.map(Total(sys.argv[1]), Types.STRING()).print()
keyed.window(CountTumblingWindowAssigner.of(1)).process(Window(sys.argv[1]), Types.STRING()).print()
env.execute()

tables = StreamTableEnvironment.create(env)
tables.get_config().set_python_executable(sys.executable)
scores = udf(Scores(sys.argv[1]), result_type="FLOAT", func_type="pandas")
numbers = tables.from_elements([(1.0, 2.0, 3.0, 4.0)], ["a", "b", "c", "d"]).select(
    *(col(name).cast(DataTypes.FLOAT()).alias(name) for name in "abcd"))
for row in numbers.select(scores(*(col(name) for name in "abcd"))).execute().collect():
    print("udf", row[0])
"""


def test_functions_of_every_kind(frozen, tmp_path):
    (tmp_path / "job.py").write_text(JOB)
    done = subprocess.run(
        [sys.executable, "job.py", str(frozen)], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False
    )
    keyed = ["a 1.0", "a 4.0", "b 2.0"]
    windows = ["window a 1.0", "window a 3.0", "window b 2.0"]
    assert sorted(done.stdout.splitlines()) == sorted(
        [*keyed, "map 4.0", "map 8.0", "map 12.0", *windows, "udf 10.0"]
    ), done.stderr[-3000:]
