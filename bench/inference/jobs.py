"""The jobs that are measured: the same rows to nobody, to a model that a role serves, and to models in Python UDFs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bench.inference.models import BATCH
from bench.inference.sources import FLOATS, NAMES

COLUMNS: Final = ", ".join(NAMES)
OUTPUT: Final = "y FLOAT"
# Without it Flink copies each row between any two operators, which costs more than all else here; for all jobs alike.
_REUSE: Final = {"configuration": {"pipeline.object-reuse": "true"}}
SERVED: Final[dict[str, Any]] = {
    "flink": _REUSE,
    "tensorflow": {"strategy": "Independent", "entrypoint": "flinktf.serving:serve"},
    "roles": [{"name": "predictor"}],
}
ALONE: Final[dict[str, Any]] = {"flink": _REUSE, "tensorflow": {"strategy": "Independent"}, "roles": []}
# Flink keeps what goes from one task to another, as from a source to ML_PREDICT, for up to 100 ms by default.
_PROMPT: Final = _REUSE["configuration"] | {"execution.buffer-timeout.interval": "1 ms"}
PACED: Final[dict[str, Any]] = SERVED | {"flink": {"configuration": _PROMPT}, "job": {"jars": ["paced.jar"]}}

_SINK: Final = "CREATE TABLE sink (y FLOAT) WITH ('connector' = 'blackhole');\n"


def alone(numbers: str) -> str:
    """Flink alone: a sum of all that the model takes, in its place. ``numbers`` is the DDL of the rows' table."""
    return f"{numbers};\n{_SINK}INSERT INTO sink SELECT {' + '.join(NAMES)} FROM numbers;\n"


def ml_predict(numbers: str, model: Path) -> str:
    declared = create(model, f", 'batch.rows' = '{BATCH[model.name]}', 'batch.linger' = '50 ms'")
    query = f"SELECT y FROM ML_PREDICT(TABLE numbers, MODEL m, DESCRIPTOR({COLUMNS}))"
    return f"{numbers};\n{_SINK}{declared}INSERT INTO sink {query};\n"


def create(model: Path, options: str = "") -> str:
    declared = f"CREATE MODEL m INPUT ({FLOATS}) OUTPUT ({OUTPUT})"
    return f"{declared} WITH ('provider' = 'tensorflow', 'path' = '{model}'{options});\n"


def predict(numbers: str, model: Path) -> str:
    """``flinktf.flink.predict``."""
    return f'''
from flinktf.flink import predict

def main(job):
    job.table_env.execute_sql("""{numbers}""")
    job.table_env.execute_sql("""{_SINK.strip().rstrip(";")}""")
    found = predict(job.table_env, job.table_env.from_path("numbers"), "{model}", "{OUTPUT}",
                    options={{"batch.rows": "{BATCH[model.name]}", "batch.linger": "50 ms"}})
    job.statement_set.add_insert("sink", found.select(found.y))
'''


def udf(numbers: str, model: Path, kind: str) -> str:
    """``pandas``: the signature, a batch at a time; ``scalar``: Keras' ``predict``, a row at a time."""
    return f'''
import time
from pathlib import Path
from pyflink.table import DataTypes
from pyflink.table.udf import ScalarFunction, udf

FIRST = Path("{model.parent}") / "first"


class Predict(ScalarFunction):
    def open(self, context):
        import tensorflow as tf
        if "{kind}" == "pandas":
            self._model = tf.saved_model.load("{model}")
            self._serve = self._model.signatures["serving_default"]
            (self._name,) = self._serve.structured_input_signature[1]
        else:
            import tf_keras
            self._model = tf_keras.models.load_model("{model}.h5")
        self._told = False

    def tell(self):
        if not self._told:
            self._told = True
            FIRST.write_text(str(time.time()))

    def eval(self, *columns):
        import numpy as np
        if "{kind}" == "scalar":
            found = self._model.predict(np.array([columns], np.float32), verbose=0)
            self.tell()
            return float(found[0][0])
        import pandas as pd
        import tensorflow as tf
        batch = np.stack([column.to_numpy() for column in columns], axis=1)
        (found,) = self._serve(**{{self._name: tf.constant(batch)}}).values()
        self.tell()
        return pd.Series(found.numpy()[:, 0])


def main(job):
    job.table_env.execute_sql("""{numbers}""")
    job.table_env.execute_sql("""{_SINK.strip().rstrip(";")}""")
    predict = udf(Predict(), result_type=DataTypes.FLOAT(), func_type={'"pandas"' if kind == "pandas" else '"general"'})
    job.table_env.create_temporary_function("predict", predict)
    job.statement_set.add_insert_sql("INSERT INTO sink SELECT predict({COLUMNS}) FROM numbers")
'''


def latency(rate: int, seconds: int, model: Path, results: Path, *, ml_predict: bool) -> str:
    """Paced rows: one in 97 leaves when it was due, and how long after that it was behind the model, in nanoseconds."""
    values = ", ".join(f"CAST(RAND() AS FLOAT) AS {name}" for name in NAMES)
    ours = f'predict(tables, tables.from_path("paced"), "{model}", "{OUTPUT}", {NAMES!r})'
    sql = f'tables.sql_query("SELECT * FROM ML_PREDICT(TABLE paced, MODEL m, DESCRIPTOR({COLUMNS}))")'
    return f'''
from flinktf.flink import predict
from pyflink.common import Types
from pyflink.datastream import DataStream
from pyflink.java_gateway import get_gateway

def main(job):
    tables = job.table_env
    paced = get_gateway().jvm.bench.Paced({rate}, {rate * seconds})
    due = job.env._j_stream_execution_environment.addSource(paced, "due", Types.LONG().get_java_type_info())
    tables.create_temporary_view("due", tables.from_data_stream(DataStream(due)).alias("due"))
    for statement in """
        CREATE TEMPORARY FUNCTION nanos AS 'bench.Nanos';
        CREATE TEMPORARY VIEW paced AS SELECT due, {values} FROM due;
        CREATE TABLE results (due BIGINT, took BIGINT)
            WITH ('connector' = 'filesystem', 'path' = '{results}', 'format' = 'csv');
        {create(model).strip()}
    """.strip().rstrip(";").split(";"):
        tables.execute_sql(statement)
    tables.create_temporary_view("answers", {sql if ml_predict else ours})
    job.statement_set.add_insert_sql(
        "INSERT INTO results SELECT due, nanos(y) - due FROM answers WHERE MOD(due, 97) = 0")
'''
