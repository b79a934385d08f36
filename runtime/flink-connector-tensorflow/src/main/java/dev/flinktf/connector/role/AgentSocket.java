package dev.flinktf.connector.role;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;

/** Where this TaskManager's agent listens. */
final class AgentSocket {

    /** Environment variable of the TaskManager: the path of its agent's socket. */
    static final String VARIABLE = "FLINKTF_AGENT_SOCKET";

    private static final String DEFAULT = "/run/flinktf/agent.sock";
    private static final long RETRY_MILLIS = 100;

    private AgentSocket() {}

    /** The socket of this process's agent. */
    static Path path() {
        return Path.of(System.getenv().getOrDefault(VARIABLE, DEFAULT));
    }

    /**
     * Connects; an agent that starts after its TaskManager is waited for.
     *
     * @throws RoleFailedException after {@code timeout}, saying which socket and what to look at
     */
    static SocketChannel connect(Path path, Duration timeout) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (true) {
            try {
                return SocketChannel.open(UnixDomainSocketAddress.of(path));
            } catch (ClosedByInterruptException error) {
                throw error;
            } catch (IOException error) {
                if (System.nanoTime() - deadline >= 0) {
                    throw new RoleFailedException(
                            String.format(
                                    "Nobody listens on %s after %d s: the agent of this TaskManager is not running, or "
                                            + "this is not the TaskManager of a role. Look at the agent's log (container "
                                            + "'role' of this pod; 'flinktf logs' in a local run). The path comes from %s.",
                                    path, timeout.toSeconds(), VARIABLE),
                            error);
                }
                Thread.sleep(RETRY_MILLIS);
            }
        }
    }
}
