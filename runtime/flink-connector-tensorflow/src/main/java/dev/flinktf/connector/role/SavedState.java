package dev.flinktf.connector.role;

import dev.flinktf.connector.protocol.Saved;

import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;

import java.util.Comparator;
import java.util.List;
import java.util.stream.StreamSupport;

/**
 * The state of an operator with a role: where each subtask's role saved its model for the last checkpoint.
 *
 * <p>Every subtask restores all of it. When there are more of them than before, a new one has no model of its own and
 * goes on from another one's; where a strategy has one model for all, it is the same.
 */
public final class SavedState {

    /** What one subtask's role answered last. */
    record Entry(int subtask, Saved saved) {}

    private final ListState<Entry> state;
    private final int subtask;

    private SavedState(ListState<Entry> state, int subtask) {
        this.state = state;
        this.subtask = subtask;
    }

    /** The state of {@code subtask}, from 0. */
    public static SavedState of(OperatorStateStore store, int subtask) throws Exception {
        return new SavedState(
                store.getUnionListState(new ListStateDescriptor<>("saved", SavedSerializer.INSTANCE)), subtask);
    }

    /** What to go on from: the subtask's own, else the newest, else null. */
    public Saved restored() throws Exception {
        return choose(state.get(), subtask);
    }

    /** Replaces what this subtask has; null is nothing. */
    public void update(Saved saved) throws Exception {
        state.update(saved == null ? List.of() : List.of(new Entry(subtask, saved)));
    }

    static Saved choose(Iterable<Entry> entries, int subtask) {
        return StreamSupport.stream(entries.spliterator(), false)
                .max(
                        Comparator.<Entry, Boolean>comparing(entry -> entry.subtask() == subtask)
                                .thenComparing(entry -> entry.saved().checkpointId())
                                .thenComparing(entry -> -entry.subtask()))
                .map(Entry::saved)
                .orElse(null);
    }
}
