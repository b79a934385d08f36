package dev.flinktf.connector.predict;

import dev.flinktf.connector.arrow.ArrowBatch;
import dev.flinktf.connector.arrow.ArrowEncoder;
import dev.flinktf.connector.role.RoleFailedException;

import org.apache.flink.table.data.RowData;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The batches of one client: one is open and takes rows, some wait, some are on their way. Between the thread that has
 * the rows and the lanes that send them.
 *
 * <p>Lanes take batches when they can send them. An open batch is taken when it has waited for the linger time; when no other is
 * on its way, as soon as no more rows come: so a slow stream has the least latency, and a fast one large batches. Who has rows
 * waits while {@link #FULL} full batches do.
 */
final class Batches<T> {

    private static final int FULL = 2;
    /** To one instance: it computes one while the next ones travel. */
    private static final int ON_THEIR_WAY = 4;
    /** Without a row for so many nanoseconds, no more rows come for now. */
    private static final long PAUSE = 100_000;

    /** Not a monitor: those wait for whole milliseconds. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition changed = lock.newCondition();
    private final PredictSpec spec;
    private final PredictMetrics metrics;
    private final ArrowEncoder encoder;
    private final Deque<Batch<T>> waiting = new ArrayDeque<>();
    /** In the order of their first rows, with some that are answered among them, but not as the first one. */
    private final Deque<Batch<T>> unanswered = new ArrayDeque<>();

    private Batch<T> open;
    private int onTheirWay;
    private RoleFailedException failure;

    /** What is on its way over one connection. */
    static final class Window<T> {
        private final Deque<Batch<T>> sent = new ArrayDeque<>();
        private boolean useful;
        private boolean over;
        /** What the open batch was like, and when, at the last look that found another one. */
        private Batch<T> seen;

        private int rows;
        private long since;

        /** Nanoseconds for which an open batch of {@code count} rows has been as it is now. */
        private long still(Batch<T> open, int count, long now) {
            if (seen != open || rows != count) {
                seen = open;
                rows = count;
                since = now;
            }
            return now - since;
        }
    }

    Batches(PredictSpec spec, PredictMetrics metrics) {
        this.spec = spec;
        this.metrics = metrics;
        encoder = new ArrowEncoder(spec.input(), new ArrowEncoder.Output());
    }

    /** Adds a row, which is not kept, and returns the batch that it is in: one that has failed, when all has. */
    Batch<T> append(RowData row, T tag) throws InterruptedException {
        lock.lock();
        try {
            return appendLocked(row, tag);
        } finally {
            lock.unlock();
        }
    }

    private Batch<T> appendLocked(RowData row, T tag) throws InterruptedException {
        while (failure == null && waiting.size() >= FULL) {
            changed.await();
        }
        if (failure != null) {
            Batch<T> failed = new Batch<>(System.nanoTime());
            failed.add(tag);
            failed.outcome().completeExceptionally(failure);
            return failed;
        }
        if (open == null) {
            open = new Batch<>(System.nanoTime());
            unanswered.add(open);
            changed.signalAll();
        }
        Batch<T> batch = open;
        encoder.append(row);
        batch.add(tag);
        metrics.added();
        if (encoder.rows() >= spec.batchRows() || encoder.bytes() >= spec.batchBytes()) {
            closeOpen();
            changed.signalAll();
        }
        return batch;
    }

    private void closeOpen() {
        ArrowBatch encoded = encoder.encode(0);
        open.fill(encoded.message(), encoded.length());
        waiting.add(open);
        open = null;
    }

    /** The next batch to send over a connection; null when the connection is over. */
    Batch<T> take(Window<T> window) throws InterruptedException {
        lock.lock();
        try {
            while (!window.over) {
                long patience = window.sent.size() < ON_THEIR_WAY ? patience(window) : Long.MAX_VALUE;
                if (patience <= 0) {
                    return depart(window);
                }
                changed.awaitNanos(patience);
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** Nanoseconds until there is something to send, unless something happens before. */
    private long patience(Window<T> window) {
        if (!waiting.isEmpty()) {
            return 0;
        }
        if (open == null) {
            return Long.MAX_VALUE;
        }
        long now = System.nanoTime();
        long left = open.began() + spec.linger().toNanos() - now;
        return onTheirWay > 0 ? left : Math.min(left, PAUSE - window.still(open, encoder.rows(), now));
    }

    private Batch<T> depart(Window<T> window) {
        if (waiting.isEmpty()) {
            closeOpen();
        }
        Batch<T> batch = waiting.poll();
        window.sent.add(batch);
        onTheirWay++;
        changed.signalAll();
        return batch;
    }

    /**
     * The batch that an answer of {@code rows} rows belongs to; null when the connection is over, and its batches are sent
     * again.
     *
     * @throws RoleFailedException when no such answer was due
     */
    Batch<T> answered(Window<T> window, int rows) throws RoleFailedException {
        lock.lock();
        try {
            if (window.over) {
                return null;
            }
            Batch<T> batch = window.sent.peek();
            if (batch == null || batch.tags().size() != rows) {
                throw new RoleFailedException(
                        String.format("it answered %d rows, where %d were asked", rows, batch == null ? 0 : batch.tags().size()));
            }
            window.sent.poll();
            window.useful = true;
            batch.setAnswered();
            onTheirWay--;
            while (!unanswered.isEmpty() && unanswered.peek().isAnswered()) {
                unanswered.poll();
            }
            metrics.answered(batch.tags().size(), batch.began());
            changed.signalAll();
            return batch;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Ends a connection: what was on its way has to be sent again, before all else, and in order. Both of its threads call this.
     *
     * @return whether anything was ever answered over it
     */
    boolean abandon(Window<T> window) {
        lock.lock();
        try {
            if (!window.over) {
                window.over = true;
                onTheirWay -= window.sent.size();
                metrics.again(window.sent.size());
                Iterator<Batch<T>> backwards = window.sent.descendingIterator();
                backwards.forEachRemaining(waiting::addFirst);
                changed.signalAll();
            }
            return window.useful;
        } finally {
            lock.unlock();
        }
    }

    /** Nanoseconds until a batch has waited too long; no batch that comes later will have sooner. */
    long left() {
        lock.lock();
        try {
            long limit = spec.timeout().toNanos();
            return unanswered.isEmpty() ? limit : unanswered.peek().began() + limit - System.nanoTime();
        } finally {
            lock.unlock();
        }
    }

    /** Fails all that is not answered, and all that will be asked. The first failure counts. */
    void fail(RoleFailedException error) {
        List<Batch<T>> lost;
        lock.lock();
        try {
            if (failure != null) {
                return;
            }
            failure = error;
            lost = new ArrayList<>(unanswered);
            unanswered.clear();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        // Not with the lock: what hangs on it is another's.
        for (Batch<T> batch : lost) {
            batch.outcome().completeExceptionally(error);
        }
    }
}
