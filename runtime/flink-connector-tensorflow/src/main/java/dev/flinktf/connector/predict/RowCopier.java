package dev.flinktf.connector.predict;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeFamily;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

import java.io.Serializable;

/** Copies rows that are to be kept where Flink uses a row again that it has handed over. */
final class RowCopier implements Serializable {

    private static final long serialVersionUID = 1L;

    private final RowDataSerializer serializer;
    private final boolean constant;

    RowCopier(RowType type) {
        serializer = new RowDataSerializer(type);
        constant = type.getChildren().stream().allMatch(RowCopier::isConstant);
    }

    /** Whether a type's values never change, so that two rows may have the same one. Bytes do, and so strings and arrays. */
    private static boolean isConstant(LogicalType type) {
        return type.isAnyOf(LogicalTypeFamily.NUMERIC, LogicalTypeFamily.DATETIME) || type.is(LogicalTypeRoot.BOOLEAN);
    }

    /** The serializer asks each field's own serializer, which takes longer than to encode the row for the model. */
    RowData copy(RowData row) {
        if (!constant || !(row instanceof GenericRowData fields)) {
            return serializer.copy(row);
        }
        GenericRowData copy = new GenericRowData(row.getRowKind(), row.getArity());
        for (int i = 0; i < copy.getArity(); i++) {
            copy.setField(i, fields.getField(i));
        }
        return copy;
    }
}
