package dev.flinktf.connector.predict;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeFamily;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.VarCharType;

import dev.flinktf.connector.arrow.ArrowDecoder;
import dev.flinktf.connector.predict.PredictOptions.OnError;
import dev.flinktf.connector.role.JobFailedException;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The columns of a model's answers: what its OUTPUT declares, and what a server sends for it.
 *
 * @param declared the model's OUTPUT
 * @param error the position of the column in it that shows the errors, or -1
 */
record OutputColumns(RowType declared, int error, OnError onError) implements Serializable {

    private static final String ERROR = "error";

    /** @throws org.apache.flink.table.api.ValidationException when a column that may have to be NULL is NOT NULL */
    static OutputColumns of(RowType declared, OnError onError) {
        int error = declared.getFieldIndex(ERROR);
        boolean isText = error >= 0 && declared.getTypeAt(error).is(LogicalTypeFamily.CHARACTER_STRING);
        for (RowType.RowField field : declared.getFields()) {
            PredictSpec.check(
                    onError == OnError.FAIL || field.getType().isNullable(),
                    "Output '%s' is NOT NULL, but 'on-error' = 'null' asks for NULL where the model refuses a record; "
                            + "declare it without NOT NULL.",
                    field.getName());
        }
        return new OutputColumns(declared, isText ? error : -1, onError);
    }

    /**
     * What a server sends: the outputs, each of which may be NULL in a record that is refused, and last the error, which is
     * NULL in all others.
     */
    RowType sent() {
        List<RowType.RowField> fields = new ArrayList<>();
        for (int position : outputs()) {
            RowType.RowField field = declared.getFields().get(position);
            fields.add(new RowType.RowField(field.getName(), field.getType().copy(true)));
        }
        fields.add(new RowType.RowField(ERROR, VarCharType.STRING_TYPE));
        return new RowType(fields);
    }

    /** The positions of all columns but the error's. */
    private int[] outputs() {
        return IntStream.range(0, declared.getFieldCount()).filter(position -> position != error).toArray();
    }

    /** Makes the rows that were declared of what was sent. */
    final class Reader {
        private final ArrowDecoder decoder = new ArrowDecoder(sent());
        private final int[] outputs = outputs();
        private final LogicalType[] types =
                IntStream.of(outputs).mapToObj(declared::getTypeAt).toArray(LogicalType[]::new);

        /** @throws JobFailedException for a record that was refused, unless that is no failure: it would come again */
        List<RowData> read(byte[] message) throws JobFailedException {
            int count = decoder.load(message);
            List<RowData> rows = new ArrayList<>(count);
            for (int row = 0; row < count; row++) {
                rows.add(read(row));
            }
            return rows;
        }

        private RowData read(int sent) throws JobFailedException {
            Object refused = decoder.get(sent, outputs.length);
            if (refused != null && onError == OnError.FAIL) {
                throw new JobFailedException("a record was refused: " + refused);
            }
            GenericRowData row = new GenericRowData(declared.getFieldCount());
            for (int i = 0; i < outputs.length; i++) {
                Object value = decoder.get(sent, i);
                if (value == null && !types[i].isNullable()) {
                    throw new JobFailedException(
                            "output '" + declared.getFieldNames().get(outputs[i]) + "' is declared NOT NULL, and is NULL");
                }
                row.setField(outputs[i], value);
            }
            if (error >= 0) {
                row.setField(error, refused);
            }
            return row;
        }
    }
}
