package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.columnar.vector.ColumnVector;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;
import org.apache.flink.table.types.logical.RowType;

import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;

import java.util.function.Consumer;

/** Decodes record batch messages, whose columns have been agreed on in HELLO, into columns or rows. */
public final class ArrowDecoder {

    private final RowType type;

    /** @param type of the rows; {@link Columns#schema} has accepted it */
    public ArrowDecoder(RowType type) {
        this.type = type;
    }

    /**
     * Hands every row of a message, which has an array of its own, to {@code rows}. The rows do not share memory with it.
     *
     * @throws BatchFormatException when the message is not a batch of the agreed columns; it names the column
     */
    public void decode(byte[] message, Consumer<? super GenericRowData> rows) {
        VectorizedColumnBatch columns = read(message);
        for (int row = 0; row < columns.getNumRows(); row++) {
            GenericRowData data = new GenericRowData(columns.getArity());
            for (int column = 0; column < data.getArity(); column++) {
                data.setField(column, ((ColumnReader) columns.columns[column]).get(row));
            }
            rows.accept(data);
        }
    }

    /**
     * As {@link #read}, but a message with bytes that are no value of their column's type is refused now, and not when the value is
     * read.
     */
    public VectorizedColumnBatch readChecked(byte[] message) {
        VectorizedColumnBatch columns = read(message);
        for (ColumnVector column : columns.columns) {
            ((ColumnReader) column).check(columns.getNumRows());
        }
        return columns;
    }

    /**
     * The columns of a message, which has an array of its own: they are views on it.
     *
     * @throws BatchFormatException when the message is not a batch of the agreed columns; it names the column
     */
    public VectorizedColumnBatch read(byte[] message) {
        Encapsulated.Metadata metadata = Encapsulated.read(message);
        if (metadata.message().headerType() != MessageHeader.RecordBatch) {
            throw new BatchFormatException("the Arrow message is not a record batch");
        }
        RecordBatch batch = (RecordBatch) metadata.message().header(new RecordBatch());
        if (batch.compression() != null) {
            throw new BatchFormatException("the record batch is compressed; results have to be sent uncompressed");
        }
        int rows = Math.toIntExact(batch.length());
        BatchReader reader = new BatchReader(batch, message, metadata.body());
        ColumnReader[] readers = new ColumnReader[type.getFieldCount()];
        for (int i = 0; i < readers.length; i++) {
            RowType.RowField field = type.getFields().get(i);
            readers[i] = ColumnReader.of(field.getName(), field.getType());
            readers[i].load(reader, rows);
        }
        reader.expectEnd();
        VectorizedColumnBatch columns = new VectorizedColumnBatch(readers);
        columns.setNumRows(rows);
        return columns;
    }
}
