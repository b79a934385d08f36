package dev.flinktf.connector.role;

import org.apache.flink.runtime.throwable.ThrowableAnnotation;
import org.apache.flink.runtime.throwable.ThrowableType;

/** A role failed, and by its failover policy the whole job with it: Flink does not restart what fails with this. */
@ThrowableAnnotation(ThrowableType.NonRecoverableError)
public final class JobFailedException extends RoleFailedException {

    private static final long serialVersionUID = 1L;

    public JobFailedException(String message) {
        super(message);
    }
}
