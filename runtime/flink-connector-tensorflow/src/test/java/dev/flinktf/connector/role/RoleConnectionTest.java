package dev.flinktf.connector.role;

import static org.assertj.core.api.Assertions.assertThat;

import dev.flinktf.connector.protocol.Hello;
import dev.flinktf.connector.protocol.Mode;

import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** How a connection ends, without Flink around it. */
final class RoleConnectionTest {

    private static final Hello HELLO =
            new Hello("wine", "0".repeat(32), "worker", 1, 2, 0, Mode.SOURCE, "tm", null, null, null, null);

    /** Events of which only the failure is expected. */
    private static final class Failure extends CompletableFuture<RoleFailedException> implements RoleEvents {
        @Override
        public void done() {
            completeExceptionally(new IllegalStateException("done"));
        }

        @Override
        public void failed(RoleFailedException failure) {
            complete(failure);
        }
    }

    /** The kernel answers an end with unread data by a reset: it must read as the end that it is. */
    @Test
    void aResetIsARoleThatVanished(@TempDir Path folder) throws Exception {
        Failure failure = new Failure();
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            Path socket = folder.resolve("agent.sock");
            server.bind(UnixDomainSocketAddress.of(socket));
            try (RoleConnection ignored = RoleConnection.open(socket, HELLO, Duration.ofSeconds(5), new UnregisteredMetricsGroup(), failure)) {
                server.accept().close();

                assertThat(failure.get(5, TimeUnit.SECONDS))
                        .hasMessageContaining("role process of worker-1 closed the connection without saying DONE")
                        .hasCauseInstanceOf(IOException.class);
            }
        }
    }
}
