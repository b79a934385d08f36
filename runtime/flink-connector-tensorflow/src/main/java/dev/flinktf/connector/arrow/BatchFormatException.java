package dev.flinktf.connector.arrow;

/** A message that is not a record batch of the agreed columns; it names the column. */
public final class BatchFormatException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public BatchFormatException(String message) {
        super(message);
    }
}
