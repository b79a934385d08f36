package dev.flinktf.connector.predict;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;
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

        /** @throws JobFailedException for a record that was refused, unless that is no failure: it would come again */
        List<RowData> read(byte[] message) throws JobFailedException {
            VectorizedColumnBatch sent = decoder.readChecked(message);
            if (onError == OnError.FAIL) {
                checkNothingIsRefused(sent);
            }
            VectorizedColumnBatch columns = new VectorizedColumnBatch(new ColumnVector[declared.getFieldCount()]);
            columns.setNumRows(sent.getNumRows());
            for (int i = 0; i < outputs.length; i++) {
                checkNulls(sent, i);
                columns.columns[outputs[i]] = sent.columns[i];
            }
            if (error >= 0) {
                columns.columns[error] = sent.columns[outputs.length];
            }
            return new ColumnarRows(columns);
        }

        private void checkNothingIsRefused(VectorizedColumnBatch sent) throws JobFailedException {
            for (int row = 0; row < sent.getNumRows(); row++) {
                if (!sent.isNullAt(row, outputs.length)) {
                    throw new JobFailedException(
                            "a record was refused: " + new ColumnarRowData(sent, row).getString(outputs.length));
                }
            }
        }

        private void checkNulls(VectorizedColumnBatch sent, int output) throws JobFailedException {
            if (declared.getTypeAt(outputs[output]).isNullable()) {
                return;
            }
            for (int row = 0; row < sent.getNumRows(); row++) {
                if (sent.isNullAt(row, output)) {
                    throw new JobFailedException(
                            "output '" + declared.getFieldNames().get(outputs[output]) + "' is declared NOT NULL, and is NULL");
                }
            }
        }
    }
}
