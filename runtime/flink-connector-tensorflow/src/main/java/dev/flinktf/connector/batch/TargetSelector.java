package dev.flinktf.connector.batch;

import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.MathUtils;

import java.util.Arrays;

/** Decides which subtask of the role a row is for: in turn by shares, or by the hash of a column's value. */
final class TargetSelector {

    /** The subtasks of one round, each as often as its share, spread evenly. */
    private final int[] round;
    /** The deciding column, or null for rows in turn. */
    private final RowData.FieldGetter key;

    private int next;

    /** @param start where in the round to begin: small inputs of several subtasks should not all go to subtask 0 */
    TargetSelector(BatchOptions options, RowType type, int start) {
        round = round(options.shares());
        key = options.key() < 0 ? null : RowData.createFieldGetter(type.getTypeAt(options.key()), options.key());
        next = start % round.length;
    }

    int select(RowData row) {
        if (key != null) {
            return round[MathUtils.murmurHash(hash(key.getFieldOrNull(row))) % round.length];
        }
        int target = round[next];
        next = next + 1 == round.length ? 0 : next + 1;
        return target;
    }

    private static int hash(Object value) {
        return value instanceof byte[] bytes ? Arrays.hashCode(bytes) : value == null ? 0 : value.hashCode();
    }

    /** Smooth weighted round robin: whoever is furthest behind its share is next. */
    static int[] round(int[] shares) {
        int sum = Arrays.stream(shares).sum();
        int[] round = new int[sum];
        int[] credit = new int[shares.length];
        for (int i = 0; i < sum; i++) {
            int best = 0;
            for (int target = 0; target < shares.length; target++) {
                credit[target] += shares[target];
                if (credit[target] > credit[best]) {
                    best = target;
                }
            }
            credit[best] -= sum;
            round[i] = best;
        }
        return round;
    }
}
