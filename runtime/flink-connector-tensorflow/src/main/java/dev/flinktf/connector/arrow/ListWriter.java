package dev.flinktf.connector.arrow;

import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.LogicalType;

import java.util.Arrays;

/** Columns of arrays: one int32 offset a row, and the items of all rows behind one another. */
final class ListWriter extends VariableWriter {

    private final ColumnType itemType;
    private final ItemWriter writer;
    private int items;

    ListWriter(int position, String name, LogicalType type) {
        super(position, name, type);
        LogicalType element = ((ArrayType) type).getElementType();
        this.itemType = ColumnType.of(element).orElseThrow();
        this.writer = ItemWriter.of(name, element);
    }

    @Override
    void appendValue(RowData row, int n) {
        ArrayData array = row.getArray(position);
        int count = array.size();
        ensure(((long) (items + count) * itemType.bits() + 7) / 8 - used);
        writer.write(array, count, data, items);
        items += count;
        used = itemType.bytes(items);
        end(n, items);
    }

    @Override
    void appendNull(int n) {
        end(n, items);
    }

    @Override
    void collectValues(int rows, BatchBody body) {
        body.buffer(offsets, (rows + 1) * Integer.BYTES);
        body.node(items, 0);
        body.buffer(data, 0);
        body.buffer(data, used);
    }

    @Override
    void reset() {
        super.reset();
        items = 0;
        if (itemType == ColumnType.BOOL) {
            Arrays.fill(data, (byte) 0);
        }
    }
}
