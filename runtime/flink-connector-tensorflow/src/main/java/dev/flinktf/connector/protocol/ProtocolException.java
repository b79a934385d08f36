package dev.flinktf.connector.protocol;

import java.io.IOException;

/** The peer broke the wire protocol (docs/protocol.md); its connection cannot be used any more. */
public final class ProtocolException extends IOException {

    private static final long serialVersionUID = 1L;

    public ProtocolException(String message) {
        super(message);
    }
}
