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
import java.util.concurrent.atomic.AtomicInteger;
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
final class Batches {

    private static final int FULL = 2;
    /** To one instance: it computes one while the next ones travel. */
    private static final int ON_THEIR_WAY = 4;
    /** Without a row for so many nanoseconds at least, no more rows come for now. */
    private static final long PAUSE = 100_000;
    /**
     * And for so much of the time that the batch is open: a fast stream stands still, too, while its thread has no core, and the
     * batch that left because of that would be a small one.
     */
    private static final double PAUSE_SHARE = 0.5;
    /** Nanoseconds after which a lane tries again to close a batch that gets a row at the moment. */
    private static final long RETRY = 20_000;

    /** Who has rows holds it for each of them, and lanes only try to: to wait for it would cost both of them a switch. */
    private final ReentrantLock filling = new ReentrantLock();

    private final ArrowEncoder encoder;
    /** Written by who fills it. */
    private volatile Batch open;

    private final AtomicInteger openRows = new AtomicInteger();
    private volatile boolean busy;

    /** Guards all below. Not a monitor: those wait for whole milliseconds. */
    private final ReentrantLock lock = new ReentrantLock();

    private final Condition changed = lock.newCondition();
    private final PredictSpec spec;
    private final PredictMetrics metrics;
    private final Deque<Batch> waiting = new ArrayDeque<>();
    /** In the order of their first rows, with some that are answered among them, but not as the first one. */
    private final Deque<Batch> unanswered = new ArrayDeque<>();

    private int onTheirWay;
    private RoleFailedException failure;

    /** What is on its way over one connection. */
    static final class Window {
        private final Deque<Batch> sent = new ArrayDeque<>();
        private boolean useful;
        private boolean over;
        /** What the open batch was like, and when, at the last look that found another one. */
        private Batch seen;

        private int rows;
        private long since;

        /** Nanoseconds for which an open batch of {@code count} rows has been as it is now. */
        private long still(Batch open, int count, boolean busy, long now) {
            if (seen != open || rows != count || busy) {
                seen = open;
                rows = count;
                since = now;
            }
            return now - since;
        }
    }

    /** @param features where the columns that the model takes are in the rows */
    Batches(PredictSpec spec, int[] features, PredictMetrics metrics) {
        this.spec = spec;
        this.metrics = metrics;
        encoder = new ArrowEncoder(spec.input(), features, new ArrowEncoder.Output());
    }

    /** Adds a row, which is not kept, and returns the batch that it is in: one that has failed, when all has. */
    Batch append(RowData row) throws InterruptedException {
        filling.lock();
        try {
            Batch batch = open;
            if (batch == null) {
                batch = begin();
                if (batch.outcome().isDone()) {
                    return batch;
                }
            }
            encoder.append(row);
            int rows = encoder.rows();
            openRows.setOpaque(rows);
            if (rows >= spec.batchRows() || encoder.bytes() >= spec.batchBytes()) {
                closeOpen();
            }
            return batch;
        } finally {
            filling.unlock();
        }
    }

    /** The next batch, as soon as there is room for it. */
    private Batch begin() throws InterruptedException {
        lock.lock();
        try {
            while (failure == null && waiting.size() >= FULL) {
                changed.await();
            }
            Batch batch = new Batch(System.nanoTime());
            if (failure == null) {
                unanswered.add(batch);
                open = batch;
                changed.signalAll();
            } else {
                batch.outcome().completeExceptionally(failure);
            }
            return batch;
        } finally {
            lock.unlock();
        }
    }

    /** Of who holds {@link #filling}. */
    private void closeOpen() {
        Batch batch = open;
        ArrowBatch encoded = encoder.encode(0);
        batch.fill(encoded.message(), encoded.length(), encoded.rows());
        open = null;
        lock.lock();
        try {
            waiting.add(batch);
            metrics.leaves(batch.rows());
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /**
     * Says whether the thread that has the rows does something else: then it means nothing that it appends none, and a batch that
     * left because of that would be a small one.
     */
    void setBusy(boolean now) {
        busy = now;
    }

    /** The next batch to send over a connection; null when the connection is over. */
    Batch take(Window window) throws InterruptedException {
        lock.lock();
        try {
            while (!window.over) {
                if (window.sent.size() == ON_THEIR_WAY) {
                    changed.await();
                } else if (!waiting.isEmpty()) {
                    return depart(window);
                } else {
                    awaitOpen(window);
                }
            }
            return null;
        } finally {
            lock.unlock();
        }
    }

    /** Waits for a batch to be full, or closes the open one when it has waited for long enough. */
    private void awaitOpen(Window window) throws InterruptedException {
        Batch batch = open;
        if (batch == null) {
            changed.await();
            return;
        }
        long now = System.nanoTime();
        long left = batch.began() + spec.linger().toNanos() - now;
        long still = window.still(batch, openRows.getOpaque(), busy, now);
        long pause = Math.max(PAUSE, (long) (PAUSE_SHARE * (now - batch.began())));
        long patience = onTheirWay > 0 ? left : Math.min(left, pause - still);
        if (patience > 0 || !closedEarly(batch)) {
            changed.awaitNanos(patience > 0 ? patience : RETRY);
        }
    }

    /** Closes a batch, unless somebody is filling it at this moment. */
    private boolean closedEarly(Batch batch) {
        if (!filling.tryLock()) {
            return false;
        }
        try {
            if (open == batch) {
                closeOpen();
            }
            return true;
        } finally {
            filling.unlock();
        }
    }

    private Batch depart(Window window) {
        Batch batch = waiting.poll();
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
    Batch answered(Window window, int rows) throws RoleFailedException {
        lock.lock();
        try {
            if (window.over) {
                return null;
            }
            Batch batch = window.sent.peek();
            if (batch == null || batch.rows() != rows) {
                throw new RoleFailedException(
                        String.format("it answered %d rows, where %d were asked", rows, batch == null ? 0 : batch.rows()));
            }
            window.sent.poll();
            window.useful = true;
            batch.setAnswered();
            onTheirWay--;
            while (!unanswered.isEmpty() && unanswered.peek().isAnswered()) {
                unanswered.poll();
            }
            metrics.answered(rows, batch.began());
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
    boolean abandon(Window window) {
        lock.lock();
        try {
            if (!window.over) {
                window.over = true;
                onTheirWay -= window.sent.size();
                metrics.again(window.sent.size());
                Iterator<Batch> backwards = window.sent.descendingIterator();
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
        List<Batch> lost;
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
        for (Batch batch : lost) {
            batch.outcome().completeExceptionally(error);
        }
    }
}
