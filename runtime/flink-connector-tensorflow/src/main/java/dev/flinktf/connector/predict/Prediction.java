package dev.flinktf.connector.predict;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.RowType;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** Predictions for a stream of rows, a batch at a time. */
public final class Prediction {

    private Prediction() {}

    /**
     * The rows with the outputs of a model behind their own columns, in order.
     *
     * @param features the columns that the model takes; none means all
     * @param output the columns that the model adds
     * @param options those of a model in SQL
     * @throws org.apache.flink.table.api.ValidationException naming the option, column or role that makes no sense
     */
    public static DataStream<RowData> of(
            DataStream<RowData> input, RowType type, List<String> features, RowType output, Map<String, String> options) {
        int[] positions = positions(type, features.isEmpty() ? type.getFieldNames() : features);
        RowType result = joined(type, output);
        PredictSpec spec =
                PredictSpec.of(
                        validated(options), columns(type, positions), output, input.getExecutionEnvironment().getConfiguration());
        SingleOutputStreamOperator<RowData> rows =
                input.transform(
                        "predict: " + spec.role(),
                        InternalTypeInfo.of(result),
                        new PredictOperatorFactory(spec, positions, KeptColumns.of(type, positions)));
        return input.getParallelism() > 0 ? rows.setParallelism(input.getParallelism()) : rows;
    }

    private static int[] positions(RowType type, List<String> features) {
        for (String feature : features) {
            PredictSpec.check(type.getFieldIndex(feature) >= 0,
                    "There is no column '%s' for the model to take; the columns are %s.", feature, type.getFieldNames());
        }
        return features.stream().mapToInt(type::getFieldIndex).toArray();
    }

    private static RowType columns(RowType type, int[] positions) {
        List<RowType.RowField> fields = new ArrayList<>();
        for (int position : positions) {
            fields.add(type.getFields().get(position));
        }
        return new RowType(fields);
    }

    private static RowType joined(RowType type, RowType output) {
        List<RowType.RowField> fields = new ArrayList<>(type.getFields());
        for (RowType.RowField field : output.getFields()) {
            PredictSpec.check(type.getFieldIndex(field.getName()) < 0,
                    "The model adds a column '%s', and the table has one of that name; rename the table's.", field.getName());
            fields.add(field);
        }
        return new RowType(fields);
    }

    private static Configuration validated(Map<String, String> options) {
        Set<String> given =
                options.keySet().stream()
                        .filter(key -> !key.startsWith(PredictOptions.SERVER_PREFIX))
                        .collect(Collectors.toSet());
        Set<String> known = PredictOptions.OPTIONAL.stream().map(ConfigOption::key).collect(Collectors.toCollection(HashSet::new));
        known.add(PredictOptions.PATH.key());
        FactoryUtil.validateUnconsumedKeys("tensorflow", given, known);
        return Configuration.fromMap(options);
    }
}
