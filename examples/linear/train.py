"""A program that executes by itself: rows of y = 2 x + 1 from Flink, and what the workers shall do with them."""

from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import DataTypes, Schema, StreamTableEnvironment, TableDescriptor

from flinktf.flink import tf_utils
from flinktf.flink.tf_cluster_config import TFClusterConfig

if __name__ == "__main__":
    env = StreamExecutionEnvironment.get_execution_environment()
    t_env = StreamTableEnvironment.create(env)
    statement_set = t_env.create_statement_set()

    schema = Schema.new_builder().column("x", DataTypes.FLOAT()).column_by_expression("y", "2 * x + 1").build()
    source_table = t_env.from_descriptor(
        TableDescriptor.for_connector("datagen")
        .schema(schema)
        .option("number-of-rows", "1024")
        .option("fields.x.min", "0")
        .option("fields.x.max", "1")
        .build()
    )
    config = (
        TFClusterConfig.new_builder()
        .set_property("input_types", "FLOAT_32,FLOAT_32")
        .set_property("epochs", "4")
        .set_node_entry("linear:train_entry")  # by its name: the program itself needs no TensorFlow
        .set_worker_count(2)
        .build()
    )

    tf_utils.train(statement_set, config, source_table, max_epoch=4)
    statement_set.execute().wait()
