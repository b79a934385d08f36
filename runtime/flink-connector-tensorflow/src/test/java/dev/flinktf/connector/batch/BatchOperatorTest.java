package dev.flinktf.connector.batch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowDecoder;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.types.RowKind;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

class BatchOperatorTest {

    private static final RowType TYPE =
            (RowType)
                    DataTypes.ROW(
                                    DataTypes.FIELD("id", DataTypes.INT()),
                                    DataTypes.FIELD("key", DataTypes.STRING()),
                                    DataTypes.FIELD("list", DataTypes.ARRAY(DataTypes.INT())))
                            .getLogicalType();

    @Test
    void rowsGoToTheSubtasksInTurn() throws Exception {
        try (Harness harness = new Harness(Map.of(), 3, 0)) {
            harness.rows(8);
            harness.operator.endInput();

            assertThat(harness.idsByTarget())
                    .isEqualTo(Map.of(0, List.of(0, 3, 6), 1, List.of(1, 4, 7), 2, List.of(2, 5)));
        }
    }

    @Test
    void everySubtaskBeginsElsewhere() throws Exception {
        try (Harness harness = new Harness(Map.of(), 3, 2)) {
            harness.rows(2);
            harness.operator.endInput();

            assertThat(harness.idsByTarget()).isEqualTo(Map.of(2, List.of(0), 0, List.of(1)));
        }
    }

    @Test
    void sharesAreExactInEveryRound() throws Exception {
        try (Harness harness = new Harness(Map.of("shares", "1, 9"), 2, 0)) {
            harness.rows(100);
            harness.operator.endInput();

            assertThat(harness.idsByTarget().get(0)).hasSize(10);
            assertThat(harness.idsByTarget().get(1)).hasSize(90);
        }
    }

    @Test
    void aShareOfZeroGetsNothing() throws Exception {
        try (Harness harness = new Harness(Map.of("shares", "0,1"), 2, 0)) {
            harness.rows(10);
            harness.operator.endInput();

            assertThat(harness.idsByTarget().keySet()).containsExactly(1);
        }
    }

    @Test
    void everySubtaskGetsEveryRow() throws Exception {
        try (Harness harness = new Harness(Map.of("shares", "all"), 2, 0)) {
            harness.rows(3);
            harness.operator.endInput();

            assertThat(harness.idsByTarget())
                    .containsEntry(0, List.of(0, 1, 2))
                    .containsEntry(1, List.of(0, 1, 2));
        }
    }

    @Test
    void theSameKeyGoesToTheSameSubtask() throws Exception {
        try (Harness first = new Harness(Map.of("partition-by", "key"), 3, 0);
                Harness second = new Harness(Map.of("partition-by", "key"), 3, 2)) {
            for (Harness harness : List.of(first, second)) {
                harness.rows(100);
                harness.operator.endInput();
            }

            // The key of row i is i % 7.
            Map<Integer, Integer> targets = new TreeMap<>();
            first.idsByTarget().forEach((target, ids) -> ids.forEach(id -> targets.merge(id % 7, target, (a, b) -> a.equals(b) ? a : -1)));
            assertThat(targets).hasSize(7).doesNotContainValue(-1);
            assertThat(targets.values()).contains(0, 1, 2);
            assertThat(second.idsByTarget()).isEqualTo(first.idsByTarget());
        }
    }

    @Test
    void fullBatchesAreSentAtOnce() throws Exception {
        try (Harness harness = new Harness(Map.of("batch.rows", "10"), 1, 0)) {
            harness.rows(25);
            assertThat(harness.batches()).extracting(ArrowBatch::rows).containsExactly(10, 10);
        }
        // 13 bytes a row: id, two offsets and a one-byte key.
        try (Harness harness = new Harness(Map.of("batch.bytes", "1 kb"), 1, 0)) {
            harness.rows(200);
            assertThat(harness.batches()).extracting(ArrowBatch::rows).containsExactly(79, 79);
        }
    }

    @Test
    void everythingIsSentBeforeABarrier() throws Exception {
        try (Harness harness = new Harness(Map.of(), 2, 0)) {
            harness.rows(3);
            harness.operator.prepareSnapshotPreBarrier(1);

            assertThat(harness.batches()).extracting(ArrowBatch::rows).containsExactly(2, 1);
            harness.operator.prepareSnapshotPreBarrier(2);
            assertThat(harness.batches()).hasSize(2);
        }
    }

    @Test
    void whatLingersIsSentByTheTimer() throws Exception {
        try (Harness harness = new Harness(Map.of("batch.linger", "50 ms"), 1, 0)) {
            harness.rows(2);
            harness.harness.setProcessingTime(49);
            assertThat(harness.batches()).isEmpty();
            harness.harness.setProcessingTime(50);
            assertThat(harness.batches()).hasSize(1);
            harness.rows(1);
            harness.harness.setProcessingTime(100);
            assertThat(harness.batches()).hasSize(2);
        }
    }

    @Test
    void aChangelogIsRefused() throws Exception {
        try (Harness harness = new Harness(Map.of(), 1, 0)) {
            RowData row = GenericRowData.ofKind(RowKind.DELETE, 1, null, null);

            assertThatThrownBy(() -> harness.harness.processElement(row, 0))
                    .hasMessageContaining("inserted rows only");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "shares       | 1,2,3  | 3 numbers; the role has 2 replicas",
                "shares       | 1,x    | not whole numbers with commas between",
                "shares       | 1,-1   | no share may be negative",
                "shares       | 0,0    | one must be positive",
                "shares       | 1,10000 | at most 10000",
                "partition-by | nope   | names column 'nope'; the columns are [id, key, list]",
                "partition-by | list   | which is an array",
                "batch.bytes  | 17 mb  | must be between 1 byte and 16 mb",
                "batch.rows   | 0      | must be at least 1",
                "batch.linger | 0 ms   | must be at least 1 ms",
            })
    void optionsThatMakeNoSenseAreNamed(String option, String value, String message) {
        assertThatThrownBy(() -> BatchOptions.of(Configuration.fromMap(Map.of(option, value)), TYPE, 2))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("'" + option + "'")
                .hasMessageContaining(message);
    }

    @Test
    void sharesAreSpreadOverTheRound() {
        assertThat(TargetSelector.round(new int[] {1, 3, 2})).containsExactly(1, 2, 0, 1, 2, 1);
        assertThat(TargetSelector.round(new int[] {1, 1, 1})).containsExactly(0, 1, 2);
    }

    /** An operator as one subtask of five, and what it sent. */
    private static final class Harness implements AutoCloseable {
        private final BatchOperator operator;
        private final OneInputStreamOperatorTestHarness<RowData, ArrowBatch> harness;

        Harness(Map<String, String> options, int replicas, int subtask) throws Exception {
            operator = new BatchOperator(TYPE, BatchOptions.of(Configuration.fromMap(options), TYPE, replicas));
            harness = new OneInputStreamOperatorTestHarness<>(operator, 5, 5, subtask);
            harness.open();
        }

        void rows(int count) throws Exception {
            for (int i = 0; i < count; i++) {
                harness.processElement(GenericRowData.of(i, StringData.fromString(Integer.toString(i % 7)), null), 0);
            }
        }

        List<ArrowBatch> batches() {
            return harness.extractOutputValues();
        }

        Map<Integer, List<Integer>> idsByTarget() {
            Map<Integer, List<Integer>> ids = new TreeMap<>();
            for (ArrowBatch batch : batches()) {
                new ArrowDecoder(TYPE)
                        .decode(
                                batch.message(),
                                row -> ids.computeIfAbsent(batch.target(), target -> new ArrayList<>()).add(row.getInt(0)));
            }
            return ids;
        }

        @Override
        public void close() throws Exception {
            harness.close();
        }
    }
}
