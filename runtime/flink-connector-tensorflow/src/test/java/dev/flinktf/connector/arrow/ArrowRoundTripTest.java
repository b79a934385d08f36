package dev.flinktf.connector.arrow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryArrayData;
import org.apache.flink.table.data.columnar.ColumnarRowData;
import org.apache.flink.table.data.columnar.vector.VectorizedColumnBatch;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** What the encoder writes is what the decoder reads; PyArrowTest shows that others read the same. */
class ArrowRoundTripTest {

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 7, 8, 9, 255, 256, 257, 3000})
    void everyTypeWithAndWithoutNulls(int count) {
        Random random = new Random(count);
        assertRoundTrip(AllTypes.NULLABLE, rows(AllTypes.NULLABLE, count, random, 0.3));
        assertRoundTrip(AllTypes.NULLABLE, rows(AllTypes.NULLABLE, count, random, 0));
        assertRoundTrip(AllTypes.NULLABLE, rows(AllTypes.NULLABLE, count, random, 1));
        assertRoundTrip(AllTypes.NOT_NULL, rows(AllTypes.NOT_NULL, count, random, 0));
    }

    @Test
    void binaryRowsAreEncodedLikeGenericOnes() {
        List<RowData> rows = rows(AllTypes.NULLABLE, 500, new Random(1), 0.2);
        RowDataSerializer serializer = new RowDataSerializer(AllTypes.NULLABLE);
        List<RowData> binary =
                rows.stream().map(row -> (RowData) serializer.toBinaryRow(row).copy()).toList();

        assertThat(Arrays.equals(encode(AllTypes.NULLABLE, binary), encode(AllTypes.NULLABLE, rows))).isTrue();
    }

    @Test
    void nothingOfABatchIsLeftInTheNext() {
        ArrowEncoder encoder = new ArrowEncoder(AllTypes.NULLABLE, new ArrowEncoder.Output());
        Random random = new Random(5);
        for (int count : new int[] {1000, 3, 0, 400, 1}) {
            List<RowData> rows = rows(AllTypes.NULLABLE, count, random, 0.5);
            rows.forEach(encoder::append);
            assertThat(encoder.rows()).isEqualTo(count);

            byte[] message = message(encoder.encode(0));

            assertThat(Arrays.equals(message, encode(AllTypes.NULLABLE, rows))).isTrue();
            assertThat(encoder.rows()).isZero();
            assertThat(encoder.bytes()).isZero();
        }
    }

    @Test
    void primitiveArraysOfEveryKind() {
        RowType type = type(DataTypes.ARRAY(DataTypes.FLOAT()), DataTypes.ARRAY(DataTypes.BIGINT()));
        float[] floats = new float[1000];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = i / 3f;
        }
        long[] longs = {Long.MIN_VALUE, 0, Long.MAX_VALUE};

        List<RowData> rows =
                List.of(
                        GenericRowData.of(new GenericArrayData(floats), BinaryArrayData.fromPrimitiveArray(longs)),
                        GenericRowData.of(BinaryArrayData.fromPrimitiveArray(floats), new GenericArrayData(longs)));

        assertRoundTrip(type, rows);
    }

    @Test
    void decimalsBecomeTheNearestDouble() {
        for (String text : List.of("0.1", "123456789.123456789", "999999999.999999999", "-0.000000001")) {
            assertThat(Decimals.toDouble(decimal(text, 18, 9))).isEqualTo(Double.parseDouble(text));
            assertThat(Decimals.toDouble(decimal(text, 38, 18))).isEqualTo(Double.parseDouble(text));
        }
    }

    @Test
    void aNullItemIsAnErrorThatNamesTheColumn() {
        RowType type = type(DataTypes.ARRAY(DataTypes.INT()));
        ArrowEncoder encoder = new ArrowEncoder(type, new ArrowEncoder.Output());
        RowData generic = GenericRowData.of(new GenericArrayData(new Integer[] {1, null}));

        for (RowData row : List.of(generic, new RowDataSerializer(type).toBinaryRow(generic))) {
            assertThatThrownBy(() -> encoder.append(row))
                    .hasMessageContaining("Column 'c0' has an array with a NULL item");
        }
    }

    @Test
    void aRowThatNoFrameHoldsIsAnErrorThatNamesItsWidestColumn() {
        RowType type = type(DataTypes.INT(), DataTypes.BYTES(), DataTypes.BYTES());
        ArrowEncoder encoder = new ArrowEncoder(type, new ArrowEncoder.Output());

        assertThatThrownBy(() -> encoder.append(GenericRowData.of(1, new byte[70 << 20], new byte[1])))
                .isInstanceOf(RowTooLargeException.class)
                .hasMessageContaining("'c1' has " + (70 << 20) + " bytes");

        ArrowEncoder other = new ArrowEncoder(type, new ArrowEncoder.Output());
        other.append(GenericRowData.of(1, new byte[33 << 20], new byte[34 << 20]));
        assertThatThrownBy(() -> other.encode(0))
                .isInstanceOf(RowTooLargeException.class)
                .hasMessageContaining("'c2' has " + (34 << 20) + " bytes");
    }

    @Test
    void aBatchOfOtherColumnsIsRefusedByName() {
        byte[] message = encode(type(DataTypes.INT()), List.of(GenericRowData.of(1), GenericRowData.of(2)));

        assertThatThrownBy(() -> decode(type(DataTypes.INT(), DataTypes.INT()), message))
                .isInstanceOf(BatchFormatException.class)
                .hasMessageContaining("'c1' is missing");
        assertThatThrownBy(() -> decode(type(DataTypes.STRING()), message)).hasMessageContaining("'c0'");
        assertThatThrownBy(() -> decode(type(DataTypes.BIGINT()), message))
                .hasMessageContaining("'c0' of the batch does not fit the agreed output type");
        assertThatThrownBy(() -> decode(type(DataTypes.INT()), Arrays.copyOf(message, message.length - 64)))
                .hasMessageContaining("outside of the message");
        assertThatThrownBy(() -> decode(type(DataTypes.INT()), new byte[20]))
                .hasMessageContaining("not an Arrow IPC message");
    }

    @Test
    void aNullInANotNullColumnIsRefused() {
        byte[] message = encode(type(DataTypes.INT()), List.of(GenericRowData.of((Object) null)));

        assertThatThrownBy(() -> decode(type(DataTypes.INT().notNull()), message))
                .hasMessageContaining("'c0'")
                .hasMessageContaining("NOT NULL");
    }

    @Test
    void bytesCountWhatWasAppended() {
        ArrowEncoder encoder =
                new ArrowEncoder(type(DataTypes.STRING(), DataTypes.DOUBLE()), new ArrowEncoder.Output());
        encoder.append(GenericRowData.of(StringData.fromString("12345"), 1.0));

        assertThat(encoder.bytes()).isEqualTo(4 + 5 + 8);
    }

    static RowType type(DataType... types) {
        List<RowType.RowField> fields = new ArrayList<>();
        for (int i = 0; i < types.length; i++) {
            fields.add(new RowType.RowField("c" + i, types[i].getLogicalType()));
        }
        return new RowType(fields);
    }

    private static DecimalData decimal(String text, int precision, int scale) {
        return DecimalData.fromBigDecimal(new BigDecimal(text), precision, scale);
    }

    private static List<RowData> rows(RowType type, int count, Random random, double nullRate) {
        List<RowData> rows = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            rows.add(AllTypes.row(type, random, nullRate));
        }
        return rows;
    }

    private static void assertRoundTrip(RowType type, List<RowData> rows) {
        List<List<Object>> values = rows.stream().map(row -> AllTypes.values(row, type)).toList();
        byte[] message = encode(type, rows);
        assertThat(decode(type, message).stream().map(row -> AllTypes.values(row, type))).containsExactlyElementsOf(values);

        VectorizedColumnBatch columns = new ArrowDecoder(type).read(message);
        assertThat(columns.getNumRows()).isEqualTo(rows.size());
        assertThat(IntStream.range(0, rows.size()).mapToObj(row -> AllTypes.values(new ColumnarRowData(columns, row), type)))
                .containsExactlyElementsOf(values);
    }

    private static byte[] encode(RowType type, List<RowData> rows) {
        ArrowEncoder encoder = new ArrowEncoder(type, new ArrowEncoder.Output());
        rows.forEach(encoder::append);
        return message(encoder.encode(0));
    }

    private static byte[] message(ArrowBatch batch) {
        return Arrays.copyOf(batch.message(), batch.length());
    }

    private static List<RowData> decode(RowType type, byte[] message) {
        List<RowData> rows = new ArrayList<>();
        new ArrowDecoder(type).decode(message, rows::add);
        return rows;
    }
}
