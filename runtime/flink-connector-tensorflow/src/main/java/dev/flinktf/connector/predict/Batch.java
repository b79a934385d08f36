package dev.flinktf.connector.predict;

import org.apache.flink.table.data.RowData;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** Rows that are sent together, and what comes back for them. Its {@link Batches} guard it until it is answered. */
final class Batch {

    private final long began;
    private final CompletableFuture<List<RowData>> outcome = new CompletableFuture<>();

    private byte[] message;
    private int rows;
    private boolean answered;

    /** @param began when its first row came, as System.nanoTime says */
    Batch(long began) {
        this.began = began;
    }

    long began() {
        return began;
    }

    /** A row of outputs for each row, in order; completed by the thread that reads them. */
    CompletableFuture<List<RowData>> outcome() {
        return outcome;
    }

    /** Takes a copy: it may have to be sent again. */
    void fill(byte[] buffer, int length, int count) {
        message = Arrays.copyOf(buffer, length);
        rows = count;
    }

    byte[] message() {
        return message;
    }

    int rows() {
        return rows;
    }

    boolean isAnswered() {
        return answered;
    }

    void setAnswered() {
        answered = true;
    }
}
