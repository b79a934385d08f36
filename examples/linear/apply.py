"""The estimator's model on a table. No role: the pipeline's own Python processes run it, a batch of rows at a time."""

import sys

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import DataTypes, StreamTableEnvironment

from flinktf.flink.flink_ml.tf_estimator import TFModel

if __name__ == "__main__":
    env = StreamExecutionEnvironment.get_execution_environment()
    t_env = StreamTableEnvironment.create(env)
    row = DataTypes.ROW([DataTypes.FIELD("x", DataTypes.FLOAT())])
    table = t_env.from_elements([(0.0,), (0.5,), (1.0,)], row)

    model = TFModel.load(env, sys.argv[1])
    model.transform(table)[0].execute().print()
