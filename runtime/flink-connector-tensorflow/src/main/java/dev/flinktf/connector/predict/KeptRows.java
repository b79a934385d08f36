package dev.flinktf.connector.predict;

import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.table.data.utils.ProjectedRowData;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The rows of one batch, without what its message has of them, and their timestamps. */
final class KeptRows {

    private static final int INITIAL_ROWS = 256;

    private final KeptColumns columns;
    private final ProjectedRowData copied;
    private final List<RowData> copies = new ArrayList<>();
    /** As {@link StreamRecord#getTimestamp} says it: Long.MIN_VALUE where there is none. */
    private long[] timestamps = new long[INITIAL_ROWS];

    private int rows;

    /** Takes one row after the other. */
    interface Sink {
        /** @param row is another one when this returns */
        void accept(int index, RowData row, long timestamp);
    }

    KeptRows(KeptColumns columns) {
        this.columns = columns;
        copied = ProjectedRowData.from(columns.copied());
    }

    void add(StreamRecord<RowData> element) {
        if (rows == timestamps.length) {
            timestamps = Arrays.copyOf(timestamps, 2 * rows);
        }
        timestamps[rows++] = element.getTimestamp();
        if (columns.copied().length > 0) {
            copies.add(columns.serializer().copy(copied.replaceRow(element.getValue())));
        }
    }

    /** @param features the columns of the batch's message */
    void forEach(VectorizedColumnBatch features, Sink sink) {
        ColumnarRowData sent = new ColumnarRowData(features);
        JoinedRowData joined = new JoinedRowData();
        ProjectedRowData ordered = ProjectedRowData.from(columns.order());
        boolean isMessage = columns.isMessage();
        for (int i = 0; i < rows; i++) {
            sent.setRowId(i);
            RowData all = copies.isEmpty() ? sent : joined.replace(sent, copies.get(i));
            sink.accept(i, isMessage ? all : ordered.replaceRow(all), timestamps[i]);
        }
    }
}
