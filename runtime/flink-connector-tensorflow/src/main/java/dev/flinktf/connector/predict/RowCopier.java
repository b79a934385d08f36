package dev.flinktf.connector.predict;

import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

import java.io.Serializable;
import java.util.EnumSet;
import java.util.Set;

/** Copies rows that are to be kept where Flink uses a row again that it has handed over. */
final class RowCopier implements Serializable {

    /** Their values never change, so that two rows may have the same ones. Bytes, and with them strings and arrays, do. */
    private static final Set<LogicalTypeRoot> CONSTANT =
            EnumSet.of(
                    LogicalTypeRoot.BOOLEAN,
                    LogicalTypeRoot.TINYINT,
                    LogicalTypeRoot.SMALLINT,
                    LogicalTypeRoot.INTEGER,
                    LogicalTypeRoot.BIGINT,
                    LogicalTypeRoot.FLOAT,
                    LogicalTypeRoot.DOUBLE,
                    LogicalTypeRoot.DECIMAL,
                    LogicalTypeRoot.DATE,
                    LogicalTypeRoot.TIME_WITHOUT_TIME_ZONE,
                    LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE,
                    LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE);

    private static final long serialVersionUID = 1L;

    private final RowDataSerializer serializer;
    private final boolean constant;

    RowCopier(RowType type) {
        serializer = new RowDataSerializer(type);
        constant = type.getChildren().stream().allMatch(field -> CONSTANT.contains(field.getTypeRoot()));
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
