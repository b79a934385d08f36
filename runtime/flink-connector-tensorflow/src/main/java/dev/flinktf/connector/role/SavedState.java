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

    /** What the role saved last, or what was restored. */
    private Saved saved;

    /** The role's last answer to a BARRIER: {@link #saved}, or why it could not save. */
    private Saved answer;

    private SavedState(ListState<Entry> state, int subtask) throws Exception {
        this.state = state;
        this.subtask = subtask;
        this.saved = choose(state.get(), subtask);
    }

    /** The state of {@code subtask}, from 0; what it restores is its own, else the newest, else nothing. */
    public static SavedState of(OperatorStateStore store, int subtask) throws Exception {
        return new SavedState(
                store.getUnionListState(new ListStateDescriptor<>("saved", SavedSerializer.INSTANCE)), subtask);
    }

    /** What to go on from, or null. */
    public Saved saved() {
        return saved;
    }

    /** The role has answered a BARRIER. */
    public void answered(Saved told) {
        answer = told;
        saved = told.error() == null ? told : saved;
    }

    /** Whether the role has answered the BARRIER of this checkpoint. */
    public boolean hasAnswer(long checkpointId) {
        return answer != null && answer.checkpointId() == checkpointId;
    }

    /** Writes the answer for this checkpoint; of a role that is done, and answers no more, what it saved last. */
    public void snapshot(long checkpointId) throws Exception {
        Saved now = hasAnswer(checkpointId) ? answer : saved;
        state.update(now == null ? List.of() : List.of(new Entry(subtask, now)));
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
