package bench;

import org.apache.flink.streaming.api.functions.source.legacy.SourceFunction;

import java.util.concurrent.locks.LockSupport;

/**
 * Gives rows one by one, at a rate: each is the time at which it was due, as System.nanoTime says. Flink's datagen gives those of
 * a whole second at once; and a source that waited while it held the task's lock would hold its results back too.
 */
public final class Paced implements SourceFunction<Long> {

    private static final long serialVersionUID = 1L;
    private static final double NANOS = 1e9;

    private final long rate;
    private final long rows;
    private volatile boolean cancelled;

    /** @param rate in rows a second */
    public Paced(long rate, long rows) {
        this.rate = rate;
        this.rows = rows;
    }

    @Override
    public void run(SourceContext<Long> context) {
        long begun = System.nanoTime();
        for (long row = 0; row < rows && !cancelled; row++) {
            long due = begun + (long) (NANOS * row / rate);
            for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                LockSupport.parkNanos(left);
            }
            context.collect(due);
        }
    }

    @Override
    public void cancel() {
        cancelled = true;
    }
}
