package dev.flinktf.connector.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.DataType;

import dev.flinktf.connector.protocol.StreamSchema;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.stream.Stream;

class ColumnsTest {

    static Stream<DataType> typesWithoutTensor() {
        return Stream.of(
                DataTypes.MAP(DataTypes.STRING(), DataTypes.INT()),
                DataTypes.ROW(DataTypes.FIELD("a", DataTypes.INT())),
                DataTypes.ARRAY(DataTypes.STRING()),
                DataTypes.ARRAY(DataTypes.ARRAY(DataTypes.INT())),
                DataTypes.MULTISET(DataTypes.INT()),
                DataTypes.INTERVAL(DataTypes.DAY()),
                DataTypes.TIMESTAMP_WITH_TIME_ZONE(3));
    }

    @ParameterizedTest
    @MethodSource("typesWithoutTensor")
    void otherTypesAreRefusedWithColumnTypeAndWayOut(DataType type) {
        assertThatThrownBy(() -> Columns.schema(ArrowRoundTripTest.type(DataTypes.INT(), type)))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("Column 'c1' is " + type.getLogicalType().asSummaryString())
                .hasMessageContaining("CAST(`c1` AS STRING)");
    }

    @Test
    void typesAreNamedAsSqlWithoutNotNull() {
        StreamSchema schema =
                Columns.schema(
                        ArrowRoundTripTest.type(
                                DataTypes.FLOAT().notNull(),
                                DataTypes.ARRAY(DataTypes.FLOAT().notNull()),
                                DataTypes.DECIMAL(10, 2)));

        assertThat(schema.columns())
                .isEqualTo(
                        List.of(
                                new StreamSchema.Column("c0", "FLOAT", false),
                                new StreamSchema.Column("c1", "ARRAY<FLOAT>", true),
                                new StreamSchema.Column("c2", "DECIMAL(10, 2)", true)));
    }
}
