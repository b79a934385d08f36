package dev.flinktf.connector;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowBatchTypeInfo;
import dev.flinktf.connector.arrow.Columns;
import dev.flinktf.connector.batch.BatchOperator;
import dev.flinktf.connector.batch.BatchOptions;
import dev.flinktf.connector.predict.Prediction;
import dev.flinktf.connector.protocol.Mode;
import dev.flinktf.connector.protocol.StreamSchema;
import dev.flinktf.connector.role.RoleSettings;
import dev.flinktf.connector.sink.TrainingOperatorFactory;
import dev.flinktf.connector.transform.DecodeOperator;
import dev.flinktf.connector.transform.TransformOperatorFactory;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamSink;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;
import org.apache.flink.table.types.logical.utils.LogicalTypeUtils;
import org.apache.flink.table.types.utils.DataTypeUtils;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Connects a pipeline to the roles of a FlinkTFJob. A SQL user writes {@code WITH ('connector' = 'flinktf', 'role' = …)}
 * instead of {@code sink}.
 *
 * <p>Each role may be fed by one sink or one transform of a job. {@code options} are {@code batch.bytes},
 * {@code batch.rows}, {@code batch.linger}, {@code partition-by} and {@code shares}, see {@link FlinkTFOptions}. All
 * methods throw {@link org.apache.flink.table.api.ValidationException} for a role that the FlinkTFJob does not have, and
 * for a column whose type does not become a tensor.
 */
public final class FlinkTF {

    private FlinkTF() {}

    /** Feeds a role: its processes train on, or otherwise take, the rows of {@code input}. */
    public static DataStreamSink<?> sink(
            DataStream<RowData> input, RowType type, String role, ReadableConfig options) {
        ReadableConfig configuration = input.getExecutionEnvironment().getConfiguration();
        RoleSettings settings = RoleSettings.of(configuration, role, Optional.empty());
        return sink(
                input, type, settings, BatchOptions.of(options, type, settings.replicas()), name -> uid(role, name));
    }

    /** As above, for a caller that has looked at the settings itself; {@code uid} makes the operators' uids. */
    public static DataStreamSink<?> sink(
            DataStream<RowData> input,
            RowType type,
            RoleSettings settings,
            BatchOptions options,
            UnaryOperator<String> uid) {
        StreamSchema schema = Columns.schema(type);
        return batches(input, type, settings, options, uid)
                .transform(
                        "role: " + settings.role(),
                        Types.VOID,
                        new TrainingOperatorFactory(settings.spec(Mode.SINK, schema, null)))
                .uid(uid.apply("sink"))
                .setParallelism(settings.replicas())
                .slotSharingGroup(settings.group())
                .sinkTo(new DiscardingSink<>())
                .uid(uid.apply("end"))
                .name("nothing follows")
                .setParallelism(settings.replicas());
    }

    /**
     * Sends rows through a role, for example for inference, and returns its results. The rows that one subtask of the role
     * returns keep their order.
     */
    public static DataStream<RowData> transform(
            DataStream<RowData> input, RowType inputType, RowType outputType, String role, ReadableConfig options) {
        ReadableConfig configuration = input.getExecutionEnvironment().getConfiguration();
        RoleSettings settings = RoleSettings.of(configuration, role, Optional.empty());
        BatchOptions batchOptions = BatchOptions.of(options, inputType, settings.replicas());
        StreamSchema schema = Columns.schema(inputType);
        StreamSchema outputSchema = Columns.schema(outputType);
        SingleOutputStreamOperator<ArrowBatch> results =
                batches(input, inputType, settings, batchOptions, name -> uid(role, name))
                        .transform(
                                "role: " + role,
                                ArrowBatchTypeInfo.INSTANCE,
                                new TransformOperatorFactory(settings.spec(Mode.TRANSFORM, schema, outputSchema)))
                        .uid(uid(role, "transform"))
                        .setParallelism(settings.replicas())
                        .slotSharingGroup(settings.group());
        // Decoded back in the pipeline: what follows would otherwise inherit the role's slots.
        SingleOutputStreamOperator<RowData> rows =
                toTargets(results)
                        .transform(
                                "rows of " + role,
                                InternalTypeInfo.of(outputType),
                                new DecodeOperator(role, outputType))
                        .uid(uid(role, "decode"))
                        .slotSharingGroup(settings.pipelineGroup());
        return asParallelAs(input, rows);
    }

    /** {@link #transform(DataStream, RowType, RowType, String, ReadableConfig)} for tables. */
    public static Table transform(StreamTableEnvironment env, Table input, DataType outputType, String role) {
        return transform(env, input, (RowType) outputType.getLogicalType(), role, new Configuration());
    }

    /**
     * As above, with options.
     *
     * @param outputType columns in SQL, for example {@code "label INT, score FLOAT"}
     */
    public static Table transform(
            StreamTableEnvironment env, Table input, String outputType, String role, Map<String, String> options) {
        return transform(env, input, columns(outputType), role, Configuration.fromMap(options));
    }

    private static Table transform(
            StreamTableEnvironment env, Table input, RowType outputType, String role, ReadableConfig options) {
        RowType inputType = rowType(input);
        return env.fromDataStream(transform(rows(env, input, inputType), inputType, outputType, role, options));
    }

    private static RowType rowType(Table table) {
        // With what a table computes, which is no physical column of it.
        LogicalType type = table.getResolvedSchema().toSourceRowDataType().getLogicalType();
        return (RowType) LogicalTypeUtils.removeTimeAttributes(type);
    }

    private static DataStream<RowData> rows(StreamTableEnvironment env, Table table, RowType type) {
        return env.toDataStream(table, DataTypeUtils.toInternalDataType(type));
    }

    /** Columns as SQL writes them. */
    private static RowType columns(String sql) {
        return (RowType) LogicalTypeParser.parse("ROW<" + sql + ">", Thread.currentThread().getContextClassLoader());
    }

    /**
     * Predicts rows with a model that a role serves, as ML_PREDICT does, and about twice as fast.
     *
     * @param features the columns that the model takes, in its order; none means all
     * @param outputType the columns that the model adds, for example {@code "label INT, score FLOAT"}
     * @param options those of {@code CREATE MODEL … WITH ('provider' = 'tensorflow', …)}
     * @return the input's columns, and behind them the model's
     */
    public static Table predict(
            StreamTableEnvironment env,
            Table input,
            List<String> features,
            String outputType,
            Map<String, String> options) {
        RowType inputType = rowType(input);
        return env.fromDataStream(
                Prediction.of(rows(env, input, inputType), inputType, features, columns(outputType), options));
    }

    private static DataStream<ArrowBatch> batches(
            DataStream<RowData> input,
            RowType type,
            RoleSettings settings,
            BatchOptions options,
            UnaryOperator<String> uid) {
        SingleOutputStreamOperator<ArrowBatch> batches =
                input.transform(
                                "arrow for " + settings.role(),
                                ArrowBatchTypeInfo.INSTANCE,
                                new BatchOperator(type, options))
                        .uid(uid.apply("batch"))
                        .slotSharingGroup(settings.pipelineGroup());
        return toTargets(asParallelAs(input, batches));
    }

    private static <T> SingleOutputStreamOperator<T> asParallelAs(
            DataStream<?> input, SingleOutputStreamOperator<T> operator) {
        // A planner's stream may leave its parallelism to the environment: so does the operator then.
        return input.getParallelism() > 0 ? operator.setParallelism(input.getParallelism()) : operator;
    }

    private static DataStream<ArrowBatch> toTargets(DataStream<ArrowBatch> batches) {
        return batches.partitionCustom((Integer target, int subtasks) -> target % subtasks, ArrowBatch::target);
    }

    private static String uid(String role, String operator) {
        return "flinktf-" + role + "-" + operator;
    }
}
