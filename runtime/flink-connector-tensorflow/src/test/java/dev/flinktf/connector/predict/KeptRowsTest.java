package dev.flinktf.connector.predict;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowDecoder;
import dev.flinktf.connector.arrow.ArrowEncoder;

import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.DataTypes.Field;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.RowType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

class KeptRowsTest {

    private static final int ROWS = 300;
    private static final RowType TYPE =
            type(
                    DataTypes.FIELD("id", DataTypes.BIGINT()),
                    DataTypes.FIELD("x", DataTypes.FLOAT()),
                    DataTypes.FIELD("price", DataTypes.DECIMAL(30, 20)),
                    DataTypes.FIELD("moment", DataTypes.TIMESTAMP(9)),
                    DataTypes.FIELD("name", DataTypes.STRING()),
                    DataTypes.FIELD("tags", DataTypes.MAP(DataTypes.INT(), DataTypes.INT())),
                    DataTypes.FIELD("second", DataTypes.TIMESTAMP(3)));

    private static RowType type(Field... fields) {
        return (RowType) DataTypes.ROW(fields).getLogicalType();
    }

    /** What Flink does: the same objects with other values, for each row. */
    private static void fill(GenericRowData row, byte[] name, int i) {
        name[0] = (byte) ('a' + i % 26);
        row.setField(0, i % 7 == 0 ? null : (long) i);
        row.setField(1, i % 5 == 0 ? null : i / 3f);
        // The largest one, too: as the float64 that the model gets it is no DECIMAL(30, 20) any more.
        String price = i % 2 == 0 ? "0.12345678901234567890" : "9999999999.99999999999999999999";
        row.setField(2, DecimalData.fromBigDecimal(new BigDecimal(price), 30, 20));
        row.setField(3, TimestampData.fromEpochMillis(i, 123_456 + i));
        row.setField(4, i % 3 == 0 ? null : StringData.fromBytes(name));
        row.setField(6, TimestampData.fromEpochMillis(-i));
    }

    @ParameterizedTest
    @CsvSource({"true, '1'", "false, '4 1'", "false, '0 1 2 3 4 6'", "false, '6'"})
    void rowsAreWhatTheyWere(boolean timed, String columns) {
        int[] features = Arrays.stream(columns.split(" ")).mapToInt(Integer::parseInt).toArray();
        check(TYPE, features, timed);
    }

    @ParameterizedTest
    @CsvSource({"'0 1', true", "'1 0', false"})
    void alsoWhenTheMessageHasThemWhole(String columns, boolean whole) {
        RowType numbers = new RowType(TYPE.getFields().subList(0, 2));
        int[] features = Arrays.stream(columns.split(" ")).mapToInt(Integer::parseInt).toArray();
        assertThat(KeptColumns.of(numbers, features).isMessage()).isEqualTo(whole);
        assertThat(KeptColumns.of(numbers, features).copied()).isEmpty();
        check(numbers, features, false);
    }

    private static void check(RowType type, int[] features, boolean timed) {
        RowType sent = new RowType(IntStream.of(features).mapToObj(type.getFields()::get).toList());
        ArrowEncoder encoder = new ArrowEncoder(sent, features, new ArrowEncoder.Output());
        RowDataSerializer serializer = new RowDataSerializer(type);
        KeptRows kept = new KeptRows(KeptColumns.of(type, features));
        GenericRowData row = new GenericRowData(TYPE.getFieldCount());
        byte[] name = "name".getBytes(StandardCharsets.UTF_8);
        List<RowData> expected = new ArrayList<>();
        for (int i = 0; i < ROWS; i++) {
            fill(row, name, i);
            GenericRowData whole = new GenericRowData(type.getFieldCount());
            IntStream.range(0, whole.getArity()).forEach(position -> whole.setField(position, row.getField(position)));
            expected.add(serializer.toBinaryRow(whole).copy());
            encoder.append(whole);
            kept.add(timed && i % 2 == 0 ? new StreamRecord<>(whole, i) : new StreamRecord<>(whole));
        }
        ArrowBatch batch = encoder.encode(0);

        List<RowData> found = new ArrayList<>();
        List<Long> timestamps = new ArrayList<>();
        kept.forEach(new ArrowDecoder(sent).read(Arrays.copyOf(batch.message(), batch.length())), (index, same, timestamp) -> {
            assertThat(index).isEqualTo(found.size());
            found.add(serializer.toBinaryRow(same).copy());
            timestamps.add(timestamp);
        });

        assertThat(found).isEqualTo(expected);
        for (int i = 0; i < ROWS; i++) {
            assertThat(timestamps.get(i)).isEqualTo(timed && i % 2 == 0 ? i : Long.MIN_VALUE);
        }
    }
}
