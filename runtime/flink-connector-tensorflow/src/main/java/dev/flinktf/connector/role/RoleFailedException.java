package dev.flinktf.connector.role;

import java.io.IOException;

/** A role process failed, or its connection broke; the message names the instance and has the Python traceback. */
public class RoleFailedException extends IOException {

    private static final long serialVersionUID = 1L;

    public RoleFailedException(String message) {
        super(message);
    }

    public RoleFailedException(String message, Throwable cause) {
        super(message, cause);
    }
}
