package dev.flinktf.connector.predict;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;

import java.util.AbstractList;
import java.util.RandomAccess;

/** Columns as rows: each is a view, made when it is asked for. */
final class ColumnarRows extends AbstractList<RowData> implements RandomAccess {

    private final VectorizedColumnBatch columns;

    ColumnarRows(VectorizedColumnBatch columns) {
        this.columns = columns;
    }

    @Override
    public RowData get(int row) {
        return new ColumnarRowData(columns, row);
    }

    @Override
    public int size() {
        return columns.getNumRows();
    }
}
