package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.logical.RowType;

import org.apache.arrow.flatbuf.MessageHeader;
import org.apache.arrow.flatbuf.RecordBatch;

import java.util.function.Consumer;

/** Decodes the record batch messages of a role, whose columns have been agreed on in HELLO, into rows. */
public final class ArrowDecoder {

    private final ColumnReader[] columns;

    /** @param type of the rows; {@link Columns#schema} has accepted it */
    public ArrowDecoder(RowType type) {
        columns =
                type.getFields().stream()
                        .map(field -> ColumnReader.of(field.getName(), field.getType()))
                        .toArray(ColumnReader[]::new);
    }

    /**
     * Hands every row of a message, which has an array of its own, to {@code rows}. The rows do not share memory with it.
     *
     * @throws BatchFormatException when the message is not a batch of the agreed columns; it names the column
     */
    public void decode(byte[] message, Consumer<? super GenericRowData> rows) {
        int count = load(message);
        for (int row = 0; row < count; row++) {
            GenericRowData data = new GenericRowData(columns.length);
            for (int column = 0; column < columns.length; column++) {
                data.setField(column, get(row, column));
            }
            rows.accept(data);
        }
    }

    /**
     * Takes a message, which has an array of its own, until the next one; for who wants other rows than {@link #decode} makes.
     *
     * @return how many rows it has
     * @throws BatchFormatException when the message is not a batch of the agreed columns; it names the column
     */
    public int load(byte[] message) {
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
        for (ColumnReader column : columns) {
            column.load(reader, rows);
        }
        reader.expectEnd();
        return rows;
    }

    /** A value of the message that was loaded last, as Flink has it in its rows. It does not share memory with the message. */
    public Object get(int row, int column) {
        return columns[column].get(row);
    }
}
