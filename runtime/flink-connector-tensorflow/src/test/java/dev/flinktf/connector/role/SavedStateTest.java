package dev.flinktf.connector.role;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flinktf.connector.protocol.Saved;

import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;

import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** What subtasks restore, as Flink writes, redistributes and reads their state. */
class SavedStateTest {

    private static final int MOST = 8;

    /** Saves {@code own} for each checkpoint, and keeps what it restored. */
    private static final class Keeper extends AbstractStreamOperator<Void>
            implements OneInputStreamOperator<Void, Void> {

        private static final long serialVersionUID = 1L;

        private final transient Saved own;
        private transient SavedState state;
        private transient Saved restored;

        Keeper(Saved own) {
            this.own = own;
        }

        @Override
        public void initializeState(StateInitializationContext context) throws Exception {
            super.initializeState(context);
            int subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
            state = SavedState.of(context.getOperatorStateStore(), subtask);
            restored = state.saved();
        }

        @Override
        public void snapshotState(StateSnapshotContext context) throws Exception {
            super.snapshotState(context);
            if (own != null) {
                state.answered(own);
            }
            state.snapshot(context.getCheckpointId());
        }

        @Override
        public void processElement(StreamRecord<Void> element) {}
    }

    @Test
    void whoStaysHasItsOwnAndWhoIsNewTheNewest() throws Exception {
        OperatorSubtaskState state = snapshot(saved(4, "a"), saved(3, "b"));
        assertThat(restored(state, 2, 2)).containsExactly(saved(4, "a"), saved(3, "b"));
        assertThat(restored(state, 2, 3)).containsExactly(saved(4, "a"), saved(3, "b"), saved(4, "a"));
        assertThat(restored(state, 2, 1)).containsExactly(saved(4, "a"));
    }

    @Test
    void ofTwoThatAreAsNewTheFirstCounts() throws Exception {
        OperatorSubtaskState state = snapshot(saved(4, "a"), saved(4, "b"));
        assertThat(restored(state, 2, 3)).last().isEqualTo(saved(4, "a"));
    }

    @Test
    void nothingIsRestoredWhereNothingWasSaved() throws Exception {
        assertThat(restored(snapshot(null, null), 2, 3)).containsOnlyNulls();
        assertThat(restored(snapshot(saved(1, null)), 1, 1)).containsExactly(saved(1, null));
    }

    private static Saved saved(long checkpoint, String location) {
        return new Saved(checkpoint, location);
    }

    private static OperatorSubtaskState snapshot(Saved... subtasks) throws Exception {
        List<OperatorSubtaskState> states = new ArrayList<>();
        for (int subtask = 0; subtask < subtasks.length; subtask++) {
            Keeper keeper = new Keeper(subtasks[subtask]);
            try (OneInputStreamOperatorTestHarness<Void, Void> harness = harness(keeper, subtasks.length, subtask)) {
                harness.open();
                states.add(harness.snapshot(1, 1));
            }
        }
        return AbstractStreamOperatorTestHarness.repackageState(states.toArray(OperatorSubtaskState[]::new));
    }

    private static List<Saved> restored(OperatorSubtaskState state, int before, int now) throws Exception {
        List<Saved> found = new ArrayList<>();
        for (int subtask : IntStream.range(0, now).toArray()) {
            Keeper keeper = new Keeper(null);
            try (OneInputStreamOperatorTestHarness<Void, Void> harness = harness(keeper, now, subtask)) {
                harness.initializeState(
                        AbstractStreamOperatorTestHarness.repartitionOperatorState(state, MOST, before, now, subtask));
                found.add(keeper.restored);
            }
        }
        return found;
    }

    private static OneInputStreamOperatorTestHarness<Void, Void> harness(Keeper keeper, int parallelism, int subtask)
            throws Exception {
        return new OneInputStreamOperatorTestHarness<>(keeper, MOST, parallelism, subtask);
    }
}
