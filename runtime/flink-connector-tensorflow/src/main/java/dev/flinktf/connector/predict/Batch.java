package dev.flinktf.connector.predict;

import org.apache.flink.table.data.RowData;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Rows that are sent together, and what comes back for them. Its {@link Batches} guard it until it is answered.
 *
 * @param <T> what the caller knows each row by
 */
final class Batch<T> {

    private final long began;
    private final List<T> tags = new ArrayList<>();
    private final CompletableFuture<List<RowData>> outcome = new CompletableFuture<>();

    private byte[] message;
    private boolean answered;

    /** @param began when its first row came, as System.nanoTime says */
    Batch(long began) {
        this.began = began;
    }

    long began() {
        return began;
    }

    void add(T tag) {
        tags.add(tag);
    }

    /** One for each row, in order. To be looked at when the outcome is known. */
    List<T> tags() {
        return tags;
    }

    /** A row of outputs for each row, in order; completed by the thread that reads them. */
    CompletableFuture<List<RowData>> outcome() {
        return outcome;
    }

    /** Takes a copy: it may have to be sent again. */
    void fill(byte[] buffer, int length) {
        message = Arrays.copyOf(buffer, length);
    }

    byte[] message() {
        return message;
    }

    boolean isAnswered() {
        return answered;
    }

    void setAnswered() {
        answered = true;
    }
}
