package dev.flinktf.connector.role;

import dev.flinktf.connector.protocol.Saved;

/** What a role process says after READY. Called in the order of arrival by the connection's reader thread. */
public interface RoleEvents {

    /** A batch of a transform's output. Blocking here holds the role back. */
    default void result(byte[] message) throws InterruptedException {
        throw new IllegalStateException("RESULT from a role that is no transform");
    }

    /** The answer to a BARRIER. */
    default void saved(Saved saved) {
        throw new IllegalStateException("SAVED from a role that was sent no BARRIER");
    }

    /** The role has ended well; nothing follows. */
    void done();

    /** The role, or the connection, has failed; nothing follows. */
    void failed(RoleFailedException failure);
}
