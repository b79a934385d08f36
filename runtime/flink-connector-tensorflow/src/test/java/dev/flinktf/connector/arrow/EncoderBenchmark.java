package dev.flinktf.connector.arrow;

import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

import java.util.Arrays;
import java.util.Random;
import java.util.function.Supplier;

/**
 * Nanoseconds per row of the encoder, flushing at 1 MiB. By hand:
 * {@code mvn test-compile exec:java -Dexec.classpathScope=test -Dexec.mainClass=dev.flinktf.connector.arrow.EncoderBenchmark}
 */
final class EncoderBenchmark {

    private static final int ROWS = 1024;
    private static final int ROUNDS = 5;

    private EncoderBenchmark() {}

    public static void main(String[] args) {
        Random random = new Random(0);
        DataType[] floats = new DataType[10];
        Arrays.fill(floats, DataTypes.FLOAT().notNull());
        DataType[] nullableFloats = new DataType[10];
        Arrays.fill(nullableFloats, DataTypes.FLOAT());
        RowData[] floatRows = rows(() -> {
            GenericRowData row = new GenericRowData(10);
            for (int i = 0; i < 10; i++) {
                row.setField(i, random.nextFloat());
            }
            return row;
        });
        RowData[] imageRows = rows(() -> {
            float[] pixels = new float[784];
            Arrays.fill(pixels, random.nextFloat());
            return GenericRowData.of(new GenericArrayData(pixels));
        });
        RowData[] stringRows = rows(() -> GenericRowData.of(
                StringData.fromString("user-" + random.nextInt(1_000_000)),
                random.nextInt(), random.nextInt(), random.nextInt()));

        RowType floatType = ArrowRoundTripTest.type(floats);
        RowType image = ArrowRoundTripTest.type(DataTypes.ARRAY(DataTypes.FLOAT()));
        RowType strings =
                ArrowRoundTripTest.type(DataTypes.STRING(), DataTypes.INT(), DataTypes.INT(), DataTypes.INT());
        run("10 FLOAT NOT NULL", floatType, floatRows, 10);
        run("10 FLOAT", ArrowRoundTripTest.type(nullableFloats), floatRows, 10);
        run("10 FLOAT NOT NULL, binary rows", floatType, binary(floatType, floatRows), 10);
        run("ARRAY<FLOAT>[784]", image, imageRows, 784);
        run("ARRAY<FLOAT>[784], binary rows", image, binary(image, imageRows), 784);
        run("STRING, 3 INT", strings, stringRows, 4);
        run("STRING, 3 INT, binary rows", strings, binary(strings, stringRows), 4);
    }

    private static RowData[] rows(Supplier<RowData> supplier) {
        RowData[] rows = new RowData[ROWS];
        Arrays.setAll(rows, i -> supplier.get());
        return rows;
    }

    private static RowData[] binary(RowType type, RowData[] rows) {
        RowDataSerializer serializer = new RowDataSerializer(type);
        return Arrays.stream(rows).map(row -> serializer.toBinaryRow(row).copy()).toArray(RowData[]::new);
    }

    private static void run(String name, RowType type, RowData[] rows, int values) {
        ArrowEncoder encoder = new ArrowEncoder(type, new ArrowEncoder.Output());
        double best = Double.MAX_VALUE;
        long bytes = 0;
        for (int round = 0; round < ROUNDS; round++) {
            long started = System.nanoTime();
            long count = 0;
            bytes = 0;
            while (System.nanoTime() - started < 1_000_000_000L) {
                for (RowData row : rows) {
                    encoder.append(row);
                    if (encoder.bytes() >= 1 << 20) {
                        bytes += encoder.encode(0).length();
                    }
                }
                count += rows.length;
            }
            best = Math.min(best, (double) (System.nanoTime() - started) / count);
        }
        System.out.printf("%-34s %8.1f ns/row %6.2f ns/value %7.0f MB/s%n", name, best, best / values, bytes / 1e6);
    }
}
