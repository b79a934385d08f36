package dev.flinktf.connector.predict;

import static org.assertj.core.api.Assertions.assertThat;

import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.DataTypes.Field;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;

class RowCopierTest {

    private static RowType type(Field... fields) {
        return (RowType) DataTypes.ROW(fields).getLogicalType();
    }

    @Test
    void aRowThatIsUsedAgainDoesNotChangeItsCopy() {
        GenericRowData row = GenericRowData.ofKind(RowKind.UPDATE_AFTER, 1L, null, 0.5f);
        RowCopier copier =
                new RowCopier(
                        type(
                                DataTypes.FIELD("id", DataTypes.BIGINT()),
                                DataTypes.FIELD("a", DataTypes.DOUBLE()),
                                DataTypes.FIELD("b", DataTypes.FLOAT())));

        RowData copy = copier.copy(row);
        row.setField(0, 2L);
        row.setField(1, 1.5);
        row.setRowKind(RowKind.INSERT);

        assertThat(copy).isEqualTo(GenericRowData.ofKind(RowKind.UPDATE_AFTER, 1L, null, 0.5f));
    }

    @Test
    void norDoBytesThatAreUsedAgain() {
        byte[] bytes = "red".getBytes(StandardCharsets.UTF_8);
        RowCopier copier =
                new RowCopier(type(DataTypes.FIELD("id", DataTypes.BIGINT()), DataTypes.FIELD("name", DataTypes.STRING())));

        RowData copy = copier.copy(GenericRowData.of(1L, StringData.fromBytes(bytes)));
        bytes[0] = 'b';

        assertThat(copy).isEqualTo(GenericRowData.of(1L, StringData.fromString("red")));
    }

    @Test
    void aRowOfAnotherKindIsCopiedToo() {
        GenericRowData left = GenericRowData.of(1L);
        RowCopier copier =
                new RowCopier(type(DataTypes.FIELD("id", DataTypes.BIGINT()), DataTypes.FIELD("y", DataTypes.DOUBLE())));

        RowData copy = copier.copy(new JoinedRowData(left, GenericRowData.of(0.25)));
        left.setField(0, 2L);

        assertThat(copy).isEqualTo(GenericRowData.of(1L, 0.25));
    }
}
