package dev.flinktf.connector.predict;

import dev.flinktf.connector.arrow.Columns;

import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.RowType;

import java.io.Serializable;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Where the columns of a row are found while it waits for its prediction. The message to the model has the features, and is kept
 * to be sent again; all else is copied, as Flink may use the row's object again.
 *
 * @param copied the positions of the columns that are copied: what is no feature, or does not come back from Arrow as it was
 * @param order for each column, its place among the features with the copied ones behind them
 * @param serializer copies rows of the copied columns
 */
record KeptColumns(int[] copied, int[] order, RowDataSerializer serializer) implements Serializable {

    /** @param features the positions of the columns that the model takes */
    static KeptColumns of(RowType type, int[] features) {
        Map<Integer, Integer> sent = new HashMap<>();
        for (int i = 0; i < features.length; i++) {
            if (Columns.isExact(type.getTypeAt(features[i]))) {
                sent.put(features[i], i);
            }
        }
        int[] copied = IntStream.range(0, type.getFieldCount()).filter(position -> !sent.containsKey(position)).toArray();
        int[] order =
                IntStream.range(0, type.getFieldCount())
                        .map(position -> sent.containsKey(position)
                                ? sent.get(position)
                                : features.length + Arrays.binarySearch(copied, position))
                        .toArray();
        RowType copies = new RowType(IntStream.of(copied).mapToObj(type.getFields()::get).toList());
        return new KeptColumns(copied, order, new RowDataSerializer(copies));
    }

    /** Whether the message has the rows as they were. */
    boolean isMessage() {
        return copied.length == 0 && Arrays.equals(order, IntStream.range(0, order.length).toArray());
    }
}
